import { join } from 'node:path';
import { spawn } from '../../infra/programs/child-process.ts';
import { secondsOf } from '../scenarios/length.ts';
import type { RunFile } from '../scenarios/run-file.ts';
import type { Addresses } from './addresses.ts';
import type { Engine } from './engine.ts';

/** Seconds between two lines that say how far a run is, where k6 cannot draw its bars. */
const tellEvery = 30;

/** One call of k6. */
export interface Call {
  readonly environment: Readonly<Record<string, string>>;
  readonly args: readonly string[];
}

/**
 * How k6 is called for a run.
 * @param file path of the run file
 * @param ca CA file of the target; null for the public ones
 */
export function callOf(
  root: string,
  run: RunFile,
  file: string,
  { range }: Addresses,
  ca: string | null,
): Call {
  return {
    environment: {
      RUN: file,
      K6_WEB_DASHBOARD: 'true',
      K6_WEB_DASHBOARD_PORT: '-1',
      K6_WEB_DASHBOARD_EXPORT: join(run.reports, `${run.script}.html`),
      // Two points at least make a page of plots; every ten seconds, k6's default, is enough for half an hour.
      K6_WEB_DASHBOARD_PERIOD: `${Math.min(10, Math.max(1, Math.ceil(secondsOf(run) / 60)))}s`,
      // The scripts' handleSummary reads the older form.
      K6_NEW_MACHINE_READABLE_SUMMARY: 'false',
      // Go reads the CA from here; k6 has no option for it.
      ...(ca === null ? {} : { SSL_CERT_FILE: ca }),
    },
    args: [
      'run',
      // Without a terminal its bars are some lines each second.
      ...(process.stderr.isTTY ? [] : ['--quiet']),
      ...(range === null ? [] : ['--local-ips', range]),
      join(root, 'loadtests', `${run.script}.ts`),
    ],
  };
}

/**
 * Runs k6 to its end, or until it is interrupted, which it answers by ending in order.
 * @returns its exit code
 */
export function runK6(
  root: string,
  engine: Engine,
  { environment, args }: Call,
  interrupted: AbortSignal,
): Promise<number> {
  const child = spawn(engine.command, [...engine.prefix(environment), ...args], {
    cwd: root,
    env: { ...withoutK6(process.env), ...environment },
    stdio: ['ignore', 'inherit', 'inherit'],
    // Ctrl-C reaches a whole group, and npm sends it again; at the second k6 gives up its summary, so it gets one from here.
    detached: true,
  });
  const stop = () => child.kill('SIGINT');
  if (interrupted.aborted) stop();
  interrupted.addEventListener('abort', stop);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 2));
  });
}

/** Says now and then how far a run is, until the returned function is called. */
export function tellProgress(run: RunFile, say: (line: string) => void): () => void {
  const began = Date.now();
  const timer = setInterval(() => {
    const passed = Math.round((Date.now() - began) / 1000);
    say(`loadtest: ${run.script}, ${passed} s of some ${secondsOf(run)} s`);
  }, tellEvery * 1000);
  return () => clearInterval(timer);
}

/** k6 takes options from variables too: K6_NO_THRESHOLDS in somebody's shell would make every run green. */
function withoutK6(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !name.startsWith('K6_')));
}
