import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import { type ChildProcess, spawn } from '../../infra/programs/child-process.ts';

/** A program that runs until it is stopped. */
export interface Server {
  readonly process: ChildProcess;
  stop(): Promise<void>;
}

/** Starts a program and waits until a URL answers 200. @throws Error with its last words when it ends before */
export async function startServer(program: string, args: readonly string[], ready: string): Promise<Server> {
  const child = spawn(program, [...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  child.on('error', (error) => {
    words = error.message;
  });
  child.stderr?.on('data', (chunk: Buffer) => {
    words = (words + chunk).slice(-2_000);
  });
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  };
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    await sleep(100);
    if (child.exitCode !== null || child.pid === undefined)
      throw new Error(`${program} did not start: ${words}`);
    const answer = await request(ready, { headersTimeout: 1_000 }).catch(() => null);
    await answer?.body.dump();
    if (answer?.statusCode === 200) return { process: child, stop };
  }
  await stop();
  throw new Error(`${program} did not answer at ${ready} within 30 s: ${words}`);
}
