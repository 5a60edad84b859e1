import { send } from './http.ts';
import { redisAnswers } from './redis-ready.ts';
import { readStackFile } from './stack-file.ts';

const stack = readStackFile();
if (stack === undefined) {
  console.log('Nothing runs: npm start starts the stack.');
  process.exitCode = 1;
} else {
  const url = (target: string) => () =>
    send(target, { timeoutMs: 2_000 }).then(
      ({ status }) => status === 200,
      () => false,
    );
  const parts: [string, string, () => Promise<boolean>][] = [
    [
      'redis',
      stack.redis.url,
      redisAnswers(Number(new URL(stack.redis.url.replace('rediss:', 'https:')).port)),
    ],
    ...stack.internal.map((internal, i): [string, string, () => Promise<boolean>] => [
      `case-${i + 1}`,
      stack.replicas[i] ?? '',
      url(`${internal}/health/ready`),
    ]),
    ...(stack.prometheus
      ? [
          ['prometheus', stack.prometheus, url(`${stack.prometheus}/-/ready`)] as [
            string,
            string,
            () => Promise<boolean>,
          ],
        ]
      : []),
    ...(stack.alertmanager
      ? [
          ['alertmanager', stack.alertmanager, url(`${stack.alertmanager}/-/ready`)] as [
            string,
            string,
            () => Promise<boolean>,
          ],
        ]
      : []),
    ...(stack.grafana
      ? [
          ['grafana', stack.grafana, url(`${stack.grafana}/api/health`)] as [
            string,
            string,
            () => Promise<boolean>,
          ],
        ]
      : []),
  ];
  const states = await Promise.all(
    parts.map(async ([name, at, answers]) => ({ name, at, up: await answers() })),
  );
  console.log(`Supervisor: process ${stack.pid}`);
  for (const { name, at, up } of states)
    console.log(`  ${up ? '✓' : '✗'} ${name.padEnd(13)} ${at}${up ? '' : '  does not answer'}`);
  if (states.some(({ up }) => !up)) process.exitCode = 1;
}
