import { createWriteStream, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import { Agent, request } from 'undici';
import { type ChildProcess, spawn } from '../../infra/programs/child-process.ts';
import { createAuthority, writeCertificate } from '../support/certificates.ts';
import { type Backing, startBacking, until } from '../support/service.ts';

/** A replica in a process of its own. */
interface Replica {
  readonly environment: Readonly<Record<string, string>>;
  process: ChildProcess;
  readonly log: string;
}

/** The writes that were acknowledged, and what went wrong. */
interface Acknowledged {
  readonly cases: Map<string, string>;
  readonly failures: string[];
}

/**
 * Runs three replicas under load while something goes wrong every few seconds.
 * @param seconds of load
 * @returns every expectation that did not hold
 */
export async function runDay(seconds: number): Promise<string[]> {
  const backing = await startBacking({ appendonly: 'yes', appendfsync: 'always' });
  const replicas: Replica[] = [];
  try {
    for (const name of ['a', 'b', 'c']) replicas.push(await start(backing, name));
    const client = createClient(backing);
    const ready = async () => {
      for (const replica of replicas) await until(() => isReady(client, replica), 180);
    };
    await ready();
    // The third replica is never restarted: once it is warm its memory must not grow.
    const steady = replicas[2] as Replica;
    let warm: number | undefined;
    const told: Acknowledged = { cases: new Map(), failures: [] };
    const end = performance.now() + seconds * 1_000;
    const isOver = () => performance.now() >= end;
    const load = [0, 1, 2, 3].map((n) => work(backing, client, replicas, n, told, isOver));
    const accidents = accidentsOf(backing, replicas);
    for (let n = 0; !isOver(); n += 1) {
      const [name, happen] = accidents[n % accidents.length] as (typeof accidents)[number];
      console.log(`${Math.round((end - performance.now()) / 1_000)} s left: ${name}`);
      await happen();
      if (warm === undefined && performance.now() > end - (seconds * 1_000 * 2) / 3)
        warm = await residentBytes(client, steady).catch(() => undefined);
      await sleep(Math.min(4_000, Math.max(0, end - performance.now())));
    }
    await Promise.all(load);
    await ready();
    await verify(backing, client, replicas, told);
    const after = await residentBytes(client, steady);
    console.log(
      `resident memory: ${megabytes(warm ?? after)} MB when warm, ${megabytes(after)} MB at the end`,
    );
    if (after > (warm ?? after) * 1.1) told.failures.push('memory grew by more than a tenth');
    return told.failures;
  } catch (error) {
    for (const { log } of replicas) console.error(readFileSync(`${log}.err`, 'utf8').slice(0, 2_000));
    throw error;
  } finally {
    for (const { process: child } of replicas) child.kill('SIGKILL');
    await backing.stop();
  }
}

type Accident = readonly [name: string, happen: () => Promise<void>];

function accidentsOf(backing: Backing, replicas: readonly Replica[]): readonly Accident[] {
  const { redis, dir } = backing;
  const restart = async (replica: Replica, signal: NodeJS.Signals) => {
    const ended = new Promise((resolve) => replica.process.once('exit', resolve));
    replica.process.kill(signal);
    await ended;
    replica.process = launch(replica);
  };
  return [
    [
      'Redis freezes for two seconds',
      async () => {
        redis.signal('SIGSTOP');
        await sleep(2_000);
        redis.signal('SIGCONT');
      },
    ],
    [
      'Redis crashes and comes back with its data',
      async () => {
        redis.signal('SIGKILL');
        await sleep(1_000);
        await redis.restart();
      },
    ],
    ['the served certificate is renewed', () => writeCertificate(`${dir}/tls`, backing.authority)],
    [
      "Redis' authority is rotated",
      async () => {
        const authority = await createAuthority();
        const file = `${dir}/redis/ca.crt`;
        const bundle = `${readFileSync(file, 'utf8')}\n${authority.certificate}`;
        await writeCertificate(`${dir}/redis`, authority);
        writeFileSync(file, bundle);
        redis.signal('SIGKILL');
        await redis.restart();
      },
    ],
    ['a replica is stopped and started', () => restart(replicas[0] as Replica, 'SIGTERM')],
    ['a replica crashes', () => restart(replicas[1] as Replica, 'SIGKILL')],
    [
      'clients connect and leave in the middle of a request',
      async () => {
        for (const { environment } of replicas)
          for (let n = 0; n < 20; n += 1) {
            const socket = connect({
              host: '127.0.0.1',
              port: Number(environment.API_PORT),
              ca: backing.authority.certificate,
            });
            socket.on('error', () => {});
            socket.write(
              'POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{',
            );
            setTimeout(() => socket.destroy(), 10 * n);
          }
      },
    ],
  ];
}

async function start(backing: Backing, name: string): Promise<Replica> {
  const environment = await backing.environment({
    INSTANCE: name,
    POLICIES_FILE: `${backing.dir}/policies.json`,
    OWNER_MAX_CASES: '100000',
    OWNER_MAX_BYTES: '200000000',
  });
  const replica = { environment, log: `${backing.dir}/${name}.log` } as Replica;
  replica.process = launch(replica);
  return replica;
}

/** The second replica's log disk is full all day. */
function launch({ environment, log }: Replica): ChildProcess {
  const output = environment.INSTANCE === 'b' ? openSync('/dev/full', 'w') : openSync(log, 'a');
  createWriteStream(log, { flags: 'a' }).end();
  return spawn(process.execPath, ['app/main.ts'], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', output, openSync(`${log}.err`, 'a')],
  });
}

type Client = ReturnType<typeof createClient>;

function createClient({ authority }: Backing) {
  const dispatcher = new Agent({ connect: { ca: authority.certificate }, headersTimeout: 30_000 });
  return async (
    { environment }: Replica,
    method: string,
    path: string,
    { token, body, internal = false }: { token?: string; body?: unknown; internal?: boolean } = {},
  ) => {
    const port = internal ? environment.INTERNAL_PORT : environment.API_PORT;
    const answer = await request(`https://127.0.0.1:${port}${path}`, {
      dispatcher,
      method: method as 'GET',
      headers: {
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: answer.statusCode, text: await answer.body.text() };
  };
}

const isReady = (client: Client, replica: Replica): Promise<boolean> =>
  client(replica, 'GET', '/health/ready', { internal: true }).then(
    ({ status }) => status === 200,
    () => false,
  );

async function login(
  backing: Backing,
  client: Client,
  replica: Replica,
  n: number,
): Promise<string | undefined> {
  const { email, password } = backing.user('caseworker', n % 2);
  const { status, text } = await client(replica, 'POST', '/api/v1/auth/login', { body: { email, password } });
  return status === 200 ? JSON.parse(text).accessToken : undefined;
}

/** Writes, reads and searches until the day is over; remembers every write that was acknowledged. */
async function work(
  backing: Backing,
  client: Client,
  replicas: readonly Replica[],
  n: number,
  told: Acknowledged,
  isOver: () => boolean,
): Promise<void> {
  let token: string | undefined;
  for (let round = n; !isOver(); round += 1) {
    const replica = replicas[round % replicas.length] as Replica;
    try {
      token ??= await login(backing, client, replica, n);
      const title = `case ${n}-${round}`;
      const made = await client(replica, 'POST', '/api/v1/cases', {
        ...(token ? { token } : {}),
        body: { title },
      });
      if (made.status === 201) told.cases.set(JSON.parse(made.text).id, title);
      else if (made.status === 401) token = undefined;
      else if (made.status === 500) told.failures.push(`500: ${made.text}`);
      await client(replica, 'POST', '/api/v1/cases/search', {
        ...(token ? { token } : {}),
        body: { text: 'case' },
      });
    } catch {
      // The connection broke: nothing was acknowledged.
    }
    await sleep(50);
  }
}

async function metrics(client: Client, replica: Replica): Promise<(name: string) => number> {
  const { text } = await client(replica, 'GET', '/metrics', { internal: true });
  return (name) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

const residentBytes = async (client: Client, replica: Replica): Promise<number> =>
  (await metrics(client, replica))('process_resident_memory_bytes');

async function verify(
  backing: Backing,
  client: Client,
  replicas: readonly Replica[],
  told: Acknowledged,
): Promise<void> {
  const { failures, cases } = told;
  const [first] = replicas as [Replica];
  const token = await login(backing, client, first, 0);
  const other = await login(backing, client, first, 1);
  for (const [id, title] of cases) {
    const answers = await Promise.all(
      [token, other].map((one) => client(first, 'GET', `/api/v1/cases/${id}`, one ? { token: one } : {})),
    );
    const found = answers.find(({ status }) => status === 200);
    if (found === undefined || JSON.parse(found.text).title !== title)
      failures.push(`lost: ${title} (${id})`);
  }
  for (const replica of replicas) {
    const { INSTANCE = '' } = replica.environment;
    await until(async () => (await metrics(client, replica))('http_requests_in_flight') === 0, 30).catch(() =>
      failures.push(`${INSTANCE}: requests stay in flight`),
    );
    const value = await metrics(client, replica);
    if (value('password_hash_queue_depth') !== 0) failures.push(`${INSTANCE}: passwords wait`);
    if (value('limiter_degraded') !== 0) failures.push(`${INSTANCE}: the limiter is still degraded`);
    if (readFileSync(replica.log, 'utf8').includes('"event":"crashed"'))
      failures.push(`${INSTANCE}: crashed`);
    const errors = readFileSync(`${replica.log}.err`, 'utf8');
    if (errors !== '')
      failures.push(`${INSTANCE}: standard error has ${JSON.stringify(errors.slice(0, 300))}`);
  }
  console.log(`${cases.size} acknowledged writes were found again`);
}
