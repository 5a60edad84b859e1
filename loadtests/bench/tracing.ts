import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { Agent, request } from 'undici';
import { type ChildProcess, spawn } from '../../infra/programs/child-process.ts';
import { medianOf } from '../../limiter/bench/measure.ts';
import { type Backing, startBacking } from '../../test/support/service.ts';

const main = fileURLToPath(new URL('../../app/main.ts', import.meta.url));
const rounds = 15;
const seconds = 2;
const connections = 32;

interface Arm {
  readonly name: string;
  readonly url: string;
  readonly token: string;
  /** CPU seconds of the process so far. */
  cpu(): Promise<number>;
  readonly perSecond: number[];
  readonly cpuPerRequest: number[];
  failed: number;
}

/** Replicas that run, to be stopped at the end. */
const children: ChildProcess[] = [];

/**
 * Measures the cost of a trace collector that fails, with every request traced: rounds in turn against replicas whose
 * collector answers, refuses connections, or accepts them and never answers. Prints ratios of medians to the first; CPU per
 * request beside throughput, because the generator shares the machine.
 */
export async function measureTracing(): Promise<number> {
  const backing = await startBacking();
  const ca = backing.authority.certificate;
  const dispatcher = new Agent({ connect: { ca } });
  const answering = createHttpServer((incoming, answer) => {
    incoming.resume().on('end', () => answer.end('{}'));
  });
  const silent = createServer((socket) => socket.on('error', () => {}).resume());
  try {
    const arms = [
      await arm(backing, dispatcher, 'answers', `http://127.0.0.1:${await portOf(answering)}`),
      await arm(backing, dispatcher, 'refuses', 'http://127.0.0.1:1'),
      await arm(backing, dispatcher, 'is silent', `http://127.0.0.1:${await portOf(silent)}`),
    ];
    for (let round = 0; round < rounds; round++)
      for (let i = 0; i < arms.length; i++) await measure(arms[(i + round) % arms.length] as Arm, ca);
    printFigures(arms);
    return 0;
  } finally {
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => child.exitCode ?? once(child, 'exit')));
    answering.close();
    silent.close();
    await dispatcher.close();
    await backing.stop();
  }
}

function printFigures(arms: readonly Arm[]): void {
  const [base] = arms as [Arm];
  console.log(
    `collector    requests/s   ratio   CPU µs/request   ratio   failed   (${rounds} rounds of ${seconds} s)`,
  );
  for (const { name, perSecond, cpuPerRequest, failed } of arms) {
    const [rate, cost] = [medianOf(perSecond), medianOf(cpuPerRequest)];
    const throughput = rate / medianOf(base.perSecond);
    const cpu = cost / medianOf(base.cpuPerRequest);
    console.log(
      `${name.padEnd(12)} ${rate.toFixed(0).padStart(10)} ${throughput.toFixed(3).padStart(7)}` +
        ` ${(cost * 1e6).toFixed(0).padStart(16)} ${cpu.toFixed(3).padStart(7)} ${String(failed).padStart(8)}`,
    );
  }
}

async function arm(backing: Backing, dispatcher: Agent, name: string, collector: string): Promise<Arm> {
  const environment = await backing.environment({
    INSTANCE: name.replace(' ', '-'),
    LOG_LEVEL: 'error',
    POLICIES_FILE: `${backing.dir}/policies.json`,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector,
    OTEL_TRACES_SAMPLER_ARG: '1',
  });
  const child = spawn(process.execPath, [main], { env: environment, stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  const url = `https://127.0.0.1:${environment.API_PORT}`;
  const token = await signIn(url, backing.user('caseworker'), dispatcher);
  const cpu = async () => {
    const metrics = await request(`https://127.0.0.1:${environment.INTERNAL_PORT}/metrics`, { dispatcher });
    return Number(/^process_cpu_seconds_total (\S+)/m.exec(await metrics.body.text())?.[1]);
  };
  return { name, url, token, cpu, perSecond: [], cpuPerRequest: [], failed: 0 };
}

/** Signs in as soon as the replica is ready. */
async function signIn(
  url: string,
  { email, password }: ReturnType<Backing['user']>,
  dispatcher: Agent,
): Promise<string> {
  for (let tries = 0; tries < 100; tries++) {
    const answer = await request(`${url}/api/v1/auth/login`, {
      dispatcher,
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email, password }),
    }).catch(() => undefined);
    const text = await answer?.body.text();
    if (answer?.statusCode === 200 && text) return (JSON.parse(text) as { accessToken: string }).accessToken;
    await setTimeout(200);
  }
  throw new Error(`${url} does not let ${email} in`);
}

async function measure(one: Arm, ca: string): Promise<void> {
  const before = await one.cpu();
  const { requests, non2xx, errors } = await autocannon({
    url: `${one.url}/api/v1/auth/me`,
    connections,
    duration: seconds,
    headers: { authorization: `Bearer ${one.token}` },
    tlsOptions: { ca },
  });
  one.perSecond.push(requests.average);
  one.cpuPerRequest.push(((await one.cpu()) - before) / requests.total);
  one.failed += non2xx + errors;
}

async function portOf(server: Server): Promise<number> {
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return (server.address() as AddressInfo).port;
}
