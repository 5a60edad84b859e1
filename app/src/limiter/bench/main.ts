import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../../../test/support/redis.ts';
import { createAuthority } from '../../../test/material.ts';
import { allowing, denying } from './contenders.ts';
import { correctness } from './correctness.ts';
import { http } from './http.ts';
import { interleave, median, type Sample } from './measure.ts';
import { type Report, render } from './report.ts';

const help = `npm run bench:limiter [-- options]

Measures the limiter beside its peers: one run, one Redis, rounds in turn, correctness beside speed.

  --rounds N    counted rounds of each case (5)
  --seconds S   length of a round (2)
  --json FILE   all figures as JSON
  --write       write docs/benchmarks.md

Exit: 0 measured, 2 wrong usage.`;

const document = fileURLToPath(new URL('../../../../docs/benchmarks.md', import.meta.url));
const options = {
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '2' },
  json: { type: 'string' },
  write: { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const;

try {
  const { values } = parseArgs({ options });
  if (values.help) console.log(help);
  else await bench(Number(values.rounds), Number(values.seconds), values.json, values.write);
} catch (error) {
  console.error(`bench:limiter: ${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}

async function bench(
  rounds: number,
  seconds: number,
  json: string | undefined,
  write: boolean,
): Promise<void> {
  if (!(rounds >= 1) || !(seconds > 0)) throw new Error('--rounds and --seconds must be positive numbers');
  const server = await startRedis();
  const redis = await connect(server.port);
  const cases: Report['cases'][number][] = [];
  const run = async (
    title: string,
    connection: Redis,
    contenders: Parameters<typeof interleave>[0],
    inFlight: number,
  ) => {
    await connection.flushall();
    console.log(`${title}, ${inFlight} in flight`);
    const samples = await interleave(contenders, connection, { inFlight, rounds, seconds });
    cases.push({
      title,
      inFlight,
      rows: contenders.map(({ name, does }) => ({ name, does, ...medians(samples.get(name) ?? []) })),
    });
  };
  const plain = allowing(redis, 10_000);
  for (const inFlight of [1, 16, 128])
    await run('one rule', redis, [...plain.one, ...plain.floors], inFlight);
  for (const inFlight of [1, 16, 128]) await run('three rules', redis, plain.three, inFlight);
  await run('90 % denied', redis, denying(redis), 128);

  // The same access pattern over few and many live keys.
  const few = await perDecision(redis, 1_000);
  const many = await perDecision(redis, 1_000_000);
  await redis.flushall();
  await allowing(redis, 1_000).one[0]?.decide(0);
  const [key = ''] = await redis.keys('rl:v1:*default');
  const bytesPerKey = Number(await redis.memory('USAGE', key));
  const right = await correctness(redis);
  await redis.flushall();
  const web = await http(redis, Math.min(rounds, 5), seconds);
  redis.disconnect();
  await server.stop();

  const secure = await startTls();
  const overTls = allowing(secure.redis, 10_000);
  for (const inFlight of [1, 128]) await run('one rule over TLS', secure.redis, overTls.one, inFlight);
  for (const inFlight of [1, 128]) await run('three rules over TLS', secure.redis, overTls.three, inFlight);
  await secure.stop();

  const version = (name: string) =>
    (
      JSON.parse(
        readFileSync(
          fileURLToPath(new URL(`../../../../node_modules/${name}/package.json`, import.meta.url)),
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
    cases,
    http: web,
    correctness: right,
    bytesPerKey,
    growth: { few, many },
  };
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
  const text = render(report);
  console.log(`\n${text}`);
  if (write) writeFileSync(document, text);
}

/** Microseconds of Redis per decision with so many live keys; planted first, and then visited at random by the same rule. */
async function perDecision(redis: Redis, keys: number): Promise<number> {
  await redis.flushall();
  const [ours] = allowing(redis, 1_000).one;
  if (ours === undefined) throw new Error('no contender');
  const value = Buffer.alloc(148);
  for (let from = 0; from < keys; from += 10_000) {
    const pipeline = redis.pipeline();
    for (let i = from; i < Math.min(keys, from + 10_000); i++)
      pipeline.set(`rl:v1:{planted-${i}}:default`, value, 'PX', 600_000);
    await pipeline.exec();
  }
  const samples =
    (await interleave([ours], redis, { inFlight: 16, rounds: 3, seconds: 1 })).get(ours.name) ?? [];
  return median(samples, 'redisMicros');
}

async function connect(port: number, tls?: object): Promise<Redis> {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    ...(tls ? { tls } : {}),
  });
  await new Promise((resolve, reject) => redis.once('ready', resolve).once('error', reject));
  return redis;
}

async function startTls(): Promise<{ redis: Redis; version: string; stop: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-tls-'));
  const authority = await createAuthority();
  const { certificate, key } = await authority.issue();
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 });
    return join(folder, name);
  };
  const server: RedisServer = await startRedis({
    'tls-cert-file': file('tls.crt', certificate),
    'tls-key-file': file('tls.key', key),
    'tls-ca-cert-file': file('ca.crt', authority.certificate),
    'tls-auth-clients': 'no',
    'tls-port': String(20_000 + (process.pid % 20_000)),
  });
  const redis = await connect(20_000 + (process.pid % 20_000), {
    ca: authority.certificate,
    servername: 'localhost',
  });
  const version = /redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? '';
  return {
    redis,
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
