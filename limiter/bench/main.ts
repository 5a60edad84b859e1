import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Redis } from 'ioredis';
import { createAuthority } from '../../test/support/certificates.ts';
import { freePort, startRedis } from '../../test/support/redis.ts';
import { connect, type Target } from './connect.ts';
import { allowing, type Contender, denying } from './contenders.ts';
import { correctness } from './correctness.ts';
import { http } from './http.ts';
import { interleave, median, type Sample } from './measure.ts';
import { type Report, render } from './report.ts';

const help = `npx simple378 bench limiter [options]

Measures the limiter beside its peers: one run, one Redis, rounds in turn, correctness beside speed.

  --rounds N    counted rounds of each case (5)
  --seconds S   length of a round (2)
  --seed N      of the order in which users come (378)
  --json FILE   all figures as JSON
  --write       write docs/benchmarks.md

Exit: 0 measured, 2 wrong usage.`;

const document = fileURLToPath(new URL('../../docs/benchmarks.md', import.meta.url));
const options = {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '2' },
  seed: { type: 'string', default: '378' },
  json: { type: 'string' },
  write: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help) console.log(help);
  else await bench(values);
} catch (error) {
  console.error(`bench:limiter: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}

async function bench(values: {
  readonly rounds: string;
  readonly seconds: string;
  readonly seed: string;
  readonly json?: string | undefined;
  readonly write: boolean;
}): Promise<void> {
  const [rounds, seconds, seed] = [values.rounds, values.seconds, values.seed].map(Number) as [
    number,
    number,
    number,
  ];
  if (!(rounds >= 1) || !(seconds > 0)) throw new Error('--rounds and --seconds must be positive numbers');
  if (!Number.isInteger(seed)) throw new Error(`--seed must be a whole number, it is ${values.seed}`);
  const server = await startRedis();
  const redis = await connect({ port: server.port });
  const cases: Report['cases'][number][] = [];
  const run = async (
    title: string,
    connection: Redis,
    contenders: readonly Contender[],
    inFlight: number,
  ) => {
    await connection.flushall();
    console.log(`${title}, ${inFlight} in flight`);
    const entries = contenders.map((contender) => ({ contender, redis: connection }));
    const samples = await interleave(entries, { inFlight, rounds, seconds });
    cases.push({
      title,
      inFlight,
      rows: contenders.map(({ name, does }, i) => ({ name, does, ...medians(samples[i] ?? []) })),
    });
  };
  const plain = allowing(redis, 10_000, seed);
  for (const inFlight of [1, 16, 128])
    await run('one rule', redis, [...plain.one, ...plain.floors], inFlight);
  for (const inFlight of [1, 16, 128]) await run('three rules', redis, plain.three, inFlight);
  await run('90 % denied', redis, denying(redis), 128);

  const growth = await growthOf(redis, rounds, seconds, seed);
  await redis.flushall();
  await allowing(redis, 1_000, seed).one[0]?.decide(0);
  const [key = ''] = await redis.keys('rl:v1:*default');
  const bytesPerKey = Number(await redis.memory('USAGE', key));
  const right = await correctness(redis);
  await redis.flushall();
  const web = await http({ port: server.port }, rounds, seconds);
  redis.disconnect();
  await server.stop();

  const secure = await startTls();
  const overTls = allowing(secure.redis, 10_000, seed);
  for (const inFlight of [1, 128]) await run('one rule over TLS', secure.redis, overTls.one, inFlight);
  for (const inFlight of [1, 128]) await run('three rules over TLS', secure.redis, overTls.three, inFlight);
  await run('90 % denied over TLS', secure.redis, denying(secure.redis), 128);
  const webOverTls = await http(secure.target, rounds, seconds);
  await secure.stop();

  const version = (name: string) =>
    (
      JSON.parse(
        readFileSync(
          fileURLToPath(new URL(`../../node_modules/${name}/package.json`, import.meta.url)),
          'utf8',
        ),
      ) as { version: string }
    ).version;
  const report: Report = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    versions: {
      node: process.version,
      redis: secure.version,
      ioredis: version('ioredis'),
      'rate-limiter-flexible': version('rate-limiter-flexible'),
      '@fastify/rate-limit': version('@fastify/rate-limit'),
      fastify: version('fastify'),
    },
    rounds,
    seconds,
    seed,
    cases,
    http: web,
    httpOverTls: webOverTls,
    correctness: right,
    bytesPerKey,
    growth,
  };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  const text = render(report);
  console.log(`\n${text}`);
  if (values.write) writeFileSync(document, text);
}

/**
 * Microseconds of Redis per decision by a thousand users, alone in a Redis and with a million live windows of others beside
 * theirs in a second one, in turn.
 */
async function growthOf(
  few: Redis,
  rounds: number,
  seconds: number,
  seed: number,
): Promise<Report['growth']> {
  await few.flushall();
  const server = await startRedis();
  const many = await connect({ port: server.port });
  await plant(many, 1_000_000);
  const entries = [few, many].map((redis) => ({
    redis,
    contender: allowing(redis, 1_000, seed).one[0] as Contender,
  }));
  const samples = await interleave(entries, { inFlight: 16, rounds, seconds });
  many.disconnect();
  await server.stop();
  const [a = 0, b = 0] = samples.map((rounds) => median(rounds, 'redisMicros'));
  return { few: a, many: b };
}

/** Fills Redis with live windows of others, each as the limiter writes one. */
async function plant(redis: Redis, windows: number): Promise<void> {
  await allowing(redis, 1, 0).one[0]?.decide(0);
  const [key = ''] = await redis.keys('*');
  const value = (await redis.getBuffer(key)) ?? '';
  for (let from = 0; from < windows; from += 10_000) {
    const pipeline = redis.pipeline();
    for (let i = from; i < from + 10_000; i++)
      pipeline.set(`rl:v1:{planted-${i}}:default`, value, 'PX', 600_000);
    await pipeline.exec();
  }
}

async function startTls(): Promise<{
  redis: Redis;
  target: Target;
  version: string;
  stop: () => Promise<void>;
}> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-tls-'));
  const authority = await createAuthority();
  const { certificate, key } = await authority.issue();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const target = { port: await freePort(), caFile: file('ca.crt', authority.certificate) };
  const server = await startRedis({
    'tls-cert-file': file('tls.crt', certificate),
    'tls-key-file': file('tls.key', key),
    'tls-ca-cert-file': target.caFile,
    'tls-auth-clients': 'no',
    'tls-port': String(target.port),
  });
  const redis = await connect(target);
  const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '';
  return {
    redis,
    target,
    version,
    stop: async () => {
      redis.disconnect();
      await server.stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function medians(samples: readonly Sample[]): Sample {
  return {
    perSecond: median(samples, 'perSecond'),
    p50: median(samples, 'p50'),
    p99: median(samples, 'p99'),
    nodeMicros: median(samples, 'nodeMicros'),
    redisMicros: median(samples, 'redisMicros'),
    commandsPerDecision: median(samples, 'commandsPerDecision'),
  };
}
