import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { type Caller, CouldNotCheck, command, shell } from './command.ts';
import { type Scenario, scenarios } from './scenarios.ts';
import { type AlertStack, startAlertStack } from './stack.ts';

const help = `npm run test:alerts [-- options]

Starts a stack of its own (Redis, exporter, two replicas, Prometheus, Alertmanager and a webhook receiver, all real),
breaks it, and waits for the right alert at the receiver. About ten minutes.

${scenarios.map(({ name, does }) => `  ${name.padEnd(12)} ${does}`).join('\n')}

  --only NAME   one scenario
  --help        this text

Exit: 0 every alert arrived in time and nothing else did, 1 not, 2 could not check.
`;

const options = { only: { type: 'string' } } as const;

/** The command. */
export const main = (caller: Caller): Promise<number> =>
  command(caller, { name: 'test:alerts', help, options }, async ({ only }) => {
    const chosen = scenarios.filter(({ name }) => only === undefined || name === only);
    if (chosen.length === 0)
      throw new CouldNotCheck(
        `--only is ${JSON.stringify(only)}, must be one of ${scenarios.map(({ name }) => name).join(', ')}`,
      );
    const stack = await startAlertStack();
    let stopLoad = async () => {};
    try {
      stopLoad = await stack.load(4);
      let wrong = 0;
      for (const scenario of chosen) wrong += await run(scenario, stack, caller.print);
      caller.print(wrong === 0 ? 'every alert arrived in time' : `${wrong} wrong`);
      return wrong === 0 ? 0 : 1;
    } finally {
      await stopLoad();
      await stack.stop();
    }
  });

/** Runs one scenario; returns how many expectations failed. */
async function run(scenario: Scenario, stack: AlertStack, print: (line: string) => void): Promise<number> {
  const { name, does, arrives, inhibited } = scenario;
  print(`${name}: ${does}`);
  const since = Date.now();
  const repair = await scenario.breaks(stack);
  let wrong = 0;
  try {
    for (const [alert, seconds] of Object.entries(arrives)) {
      // What is always there may have come before this scenario began.
      const from = name === 'watchdog' || name === 'certificate' ? 0 : since;
      const found = await stack.receiver.waitFor(alert, from, seconds - (Date.now() - since) / 1_000);
      const links = found?.annotations.runbook_url && found.annotations.dashboard_url;
      if (found && links) {
        const took = Math.max(0, Math.round((found.at - since) / 1_000));
        print(
          `  ✓ ${alert} at receiver ${found.receiver} after ${took} s (at most ${seconds}), ${found.together} in one message`,
        );
      } else {
        wrong += 1;
        print(`  ✗ ${alert} did not arrive within ${seconds} s`);
      }
    }
    for (const alert of inhibited) {
      const came = stack.receiver.notified.some(
        ({ at, status, labels }) => at >= since && status === 'firing' && labels.alertname === alert,
      );
      if (came) wrong += 1;
      print(came ? `  ✗ ${alert} arrived, and should have been silenced` : `  ✓ ${alert} was silent`);
    }
  } finally {
    await repair();
  }
  if (scenario.ends.length > 0) await calm(scenario.ends, stack);
  return wrong;
}

/** Waits, a minute at most, until alerts are neither firing nor pending: the next scenario must raise its own. */
async function calm(alerts: readonly string[], { prometheus }: AlertStack): Promise<void> {
  const query = `count(ALERTS{alertname=~"${alerts.join('|')}"})`;
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(500)) {
    const url = `${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`;
    const answer = (await (await request(url)).body.json()) as { data: { result: unknown[] } };
    if (answer.data.result.length === 0) return;
  }
}

if (import.meta.main) process.exitCode = await main(shell);
