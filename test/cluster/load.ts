import type { Answer, Client } from '../../infra/cluster/client.ts';

/** When a request was sent, and its answer; the body only of a wrong one. */
export interface OneAnswer {
  readonly at: number;
  readonly status: number;
  readonly body: string;
  readonly wrong: boolean;
}

/** What happened to requests sent at a fixed rate. */
export interface Load {
  readonly answers: readonly OneAnswer[];
  /** Milliseconds from the first to the last answer that was wrong; 0 when none was. */
  readonly disturbed: number;
}

/**
 * Sends requests at a fixed rate, whatever the answers take (open loop), until told to stop.
 * @param wrong which answers count as a disturbance
 */
export function startLoad(
  client: Client,
  perSecond: number,
  send: (client: Client, index: number) => Promise<Answer>,
  wrong: (answer: Answer) => boolean = ({ status }) => status < 200 || status > 299,
): { stop(): Promise<Load> } {
  const answers: OneAnswer[] = [];
  const open = new Set<Promise<void>>();
  let index = 0;
  const timer = setInterval(() => {
    const at = Date.now();
    const one: Promise<void> = send(client, index++).then((answer) => {
      const bad = wrong(answer);
      answers.push({ at, status: answer.status, body: bad ? answer.body.slice(0, 300) : '', wrong: bad });
      open.delete(one);
    });
    open.add(one);
  }, 1000 / perSecond);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(open);
      const bad = answers.filter((answer) => answer.wrong).map(({ at }) => at);
      return { answers, disturbed: bad.length === 0 ? 0 : Math.max(...bad) - Math.min(...bad) };
    },
  };
}

/** Milliseconds of the longest time without a right answer, from the first wrong one to the next right one; 0 when none was wrong. */
export function longestOutage({ answers }: Pick<Load, 'answers'>): number {
  let since: number | undefined;
  let longest = 0;
  for (const { at, wrong } of answers.toSorted((one, other) => one.at - other.at)) {
    since ??= wrong ? at : undefined;
    if (since !== undefined) longest = Math.max(longest, at - since);
    if (!wrong) since = undefined;
  }
  return longest;
}

/** Counts by status: `{ '200': 100, '429': 3 }`. */
export function statuses({ answers }: Pick<Load, 'answers'>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { status } of answers) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}
