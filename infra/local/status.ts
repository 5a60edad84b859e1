import { answers } from './http.ts';
import { redisAnswers } from './redis-ready.ts';
import { readStackFile } from './stack-file.ts';
import { loginCommand } from './summary.ts';

/** A component, its address, and a function that returns whether it answers. */
type Row = readonly [name: string, at: string, isUp: () => Promise<boolean>];

/** Prints which parts of the stack of this checkout answer. @returns 0 when all do, else 1 */
export async function status(): Promise<number> {
  const stack = readStackFile();
  if (stack === undefined) {
    console.log('Nothing runs: npm start starts the stack.');
    return 1;
  }
  const optional = (name: string, at: string | null, path: string): Row[] =>
    at === null ? [] : [[name, at, answers(`${at}${path}`)]];
  const rows: Row[] = [
    [
      'redis',
      stack.redis.url,
      redisAnswers(Number(new URL(stack.redis.url.replace('rediss:', 'https:')).port)),
    ],
    ...stack.internal.map(
      (internal, i): Row => [`case-${i + 1}`, stack.replicas[i] ?? '', answers(`${internal}/health/ready`)],
    ),
    ...optional('prometheus', stack.prometheus, '/-/ready'),
    ...optional('alertmanager', stack.alertmanager, '/-/ready'),
    ...optional('grafana', stack.grafana, '/api/health'),
  ];
  const states = await Promise.all(rows.map(async ([name, at, isUp]) => ({ name, at, up: await isUp() })));
  console.log(`Supervisor: process ${stack.pid}`);
  for (const { name, at, up } of states) {
    console.log(`  ${up ? '✓' : '✗'} ${name.padEnd(13)} ${at}${up ? '' : '  does not answer'}`);
  }
  console.log(`Sign in and list cases:\n  ${loginCommand(stack)}`);
  return states.every(({ up }) => up) ? 0 : 1;
}
