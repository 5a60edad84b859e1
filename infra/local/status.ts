import { send } from './http.ts';
import { redisAnswers } from './redis-ready.ts';
import { readStackFile } from './stack-file.ts';
import { usage } from './usage.ts';

/** A part, where it is, and whether it answers. */
type Row = readonly [name: string, at: string, answers: () => Promise<boolean>];

process.exitCode =
  usage(
    'status',
    'npm run status\n\nShows what of the stack of this checkout answers.\n\nExit: 0 all of it, 1 not.',
  ) ?? (await status());

async function status(): Promise<number> {
  const stack = readStackFile();
  if (stack === undefined) {
    console.log('Nothing runs: npm start starts the stack.');
    return 1;
  }
  const optional = (name: string, at: string | null, path: string): Row[] =>
    at === null ? [] : [[name, at, ok(`${at}${path}`)]];
  const rows: Row[] = [
    [
      'redis',
      stack.redis.url,
      redisAnswers(Number(new URL(stack.redis.url.replace('rediss:', 'https:')).port)),
    ],
    ...stack.internal.map(
      (internal, i): Row => [`case-${i + 1}`, stack.replicas[i] ?? '', ok(`${internal}/health/ready`)],
    ),
    ...optional('prometheus', stack.prometheus, '/-/ready'),
    ...optional('alertmanager', stack.alertmanager, '/-/ready'),
    ...optional('grafana', stack.grafana, '/api/health'),
  ];
  const states = await Promise.all(
    rows.map(async ([name, at, answers]) => ({ name, at, up: await answers() })),
  );
  console.log(`Supervisor: process ${stack.pid}`);
  for (const { name, at, up } of states) {
    console.log(`  ${up ? '✓' : '✗'} ${name.padEnd(13)} ${at}${up ? '' : '  does not answer'}`);
  }
  return states.every(({ up }) => up) ? 0 : 1;
}

function ok(url: string): () => Promise<boolean> {
  return () =>
    send(url, { timeoutMs: 2_000 }).then(
      ({ status: code }) => code === 200,
      () => false,
    );
}
