import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';
import type { Redis } from 'ioredis';
import { type Contender, contenders, quota, replicas } from './contenders.ts';
import { type Fault, type Scene, setScene } from './scenarios.ts';

/** What a contender's clients saw of one fault. */
export interface Result {
  readonly fault: string;
  readonly contender: string;
  /** 99th percentile from the start of the fault on, less that before it, in milliseconds. */
  readonly addedP99: number;
  /** Answers of 500 and above, and requests without an answer for five seconds. */
  readonly errors: number;
  /** Units admitted to one user beyond the quota, by all replicas together. */
  readonly overAdmitted: number;
  /** Seconds from the end of the fault until the store counts again; `null`: not within the time watched. */
  readonly recovery: number | null;
}

interface Answer {
  readonly at: number;
  readonly ms: number;
  readonly status: number;
  readonly regular: boolean;
}

const hung = 5_000;
const watched = 8_000;
/** One request each 10 ms to each contender: every other one of the regular user, the rest of ever new users. */
const pace = 10;

/** Puts one fault before all contenders at once: they share the store, and so the fault. */
export async function runFault(fault: Fault): Promise<Result[]> {
  const { scene, connect, stop } = await setScene(fault);
  try {
    return await play(fault, scene, connect);
  } finally {
    await stop();
  }
}

async function play(fault: Fault, scene: Scene, connect: () => Redis): Promise<Result[]> {
  if (fault.absentAtBoot) await fault.start?.(scene);
  const fleets = await Promise.all(contenders.map((contender) => fleet(contender, connect)));
  await sleep(500);
  const drives = fleets.map((apps) => drive(apps));
  await sleep(1_000);
  const started = performance.now();
  if (!fault.absentAtBoot) await fault.start?.(scene);
  await sleep(fault.lasts);
  await fault.end?.(scene);
  const ended = performance.now();
  const recoveries = await Promise.all(contenders.map(({ prefix }) => recovered(scene, prefix, ended)));
  // So long that the regular user asks for more than the quota after every fault.
  await sleep(Math.max(1_000, 2_500 - (performance.now() - started)));
  const answers = await Promise.all(drives.map((stopDriving) => stopDriving()));
  await Promise.all(fleets.flat().map((app) => app.close()));
  return contenders.map(({ name }, i) =>
    summary(fault.name, name, answers[i] ?? [], started, recoveries[i] ?? null),
  );
}

const fleet = ({ serve }: Contender, connect: () => Redis): Promise<FastifyInstance[]> =>
  Promise.all(Array.from({ length: replicas }, () => serve(connect())));

/** Asks at a fixed pace, whether or not answers come; returns what ends it and waits for the answers. */
function drive(apps: readonly FastifyInstance[]): () => Promise<Answer[]> {
  const answers: Promise<Answer>[] = [];
  let i = 0;
  const timer = setInterval(() => {
    const regular = i % 2 === 0;
    const app = apps[(i >> 1) % apps.length];
    if (app) answers.push(ask(app, regular ? 'regular' : `new-${i}`, regular));
    i += 1;
  }, pace);
  return () => {
    clearInterval(timer);
    return Promise.all(answers);
  };
}

async function ask(app: FastifyInstance, user: string, regular: boolean): Promise<Answer> {
  const at = performance.now();
  const timer = new AbortController();
  const status = await Promise.race([
    app.inject({ url: '/', headers: { 'x-user': user } }).then(({ statusCode }) => statusCode),
    sleep(hung, 599, { signal: timer.signal }).catch(() => 599),
  ]);
  timer.abort();
  return { at, ms: performance.now() - at, status, regular };
}

/** Seconds until a new user's key appears in the store. */
async function recovered(scene: Scene, prefix: string, since: number): Promise<number | null> {
  const count = async () => (await (await scene.primary()).keys(`${prefix}*`)).length;
  let before: number | undefined;
  while (performance.now() - since < watched) {
    const now = await count().catch(() => undefined);
    if (now !== undefined && before !== undefined && now > before) return (performance.now() - since) / 1_000;
    before ??= now;
    await sleep(25);
  }
  return null;
}

function summary(
  fault: string,
  contender: string,
  answers: readonly Answer[],
  started: number,
  recovery: number | null,
): Result {
  const p99 = (of: readonly Answer[]) =>
    of.map(({ ms }) => ms).sort((a, b) => a - b)[Math.floor(of.length * 0.99)] ?? 0;
  const admitted = answers.filter(({ regular, status }) => regular && status === 200).length;
  return {
    fault,
    contender,
    addedP99: Math.max(
      0,
      p99(answers.filter(({ at }) => at >= started)) - p99(answers.filter(({ at }) => at < started)),
    ),
    errors: answers.filter(({ status }) => status >= 500).length,
    overAdmitted: Math.max(0, admitted - quota),
    recovery,
  };
}
