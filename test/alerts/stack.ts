import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import type { Policy } from '../../contract/policies.ts';
import { alertmanagerConfig } from '../../infra/config/alertmanager.ts';
import { lastBackupKey } from '../../infra/config/backup.ts';
import { prometheusConfig } from '../../infra/config/prometheus.ts';
import { aclFile } from '../../infra/config/redis.ts';
import { ruleFiles } from '../../slo/rules.ts';
import { writeCertificate } from '../support/certificates.ts';
import { freePort } from '../support/redis.ts';
import { type Backing, startBacking, type TestService } from '../support/service.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { type Server, startServer } from './servers.ts';

/** A stack to be broken: Redis, exporter, two replicas, Prometheus, Alertmanager and a receiver, all real. */
export interface AlertStack {
  readonly backing: Backing;
  readonly replicas: readonly TestService[];
  readonly receiver: Receiver;
  readonly prometheus: string;
  /** Starts Redis again with another password for a user, so that the service is refused. */
  refuse(user: 'case-limiter' | 'case-data'): Promise<void>;
  /** Starts Redis again as it was. */
  restore(): Promise<void>;
  /** Requests per second on both replicas until it is called; returns how to stop. */
  load(perSecond: number): Promise<() => Promise<void>>;
  stop(): Promise<void>;
}

/** How a stack may differ from the usual one. */
export interface AlertStackOptions {
  /** Instead of policies that are never in the way. */
  readonly policies?: readonly Policy[];
  /** Added to the environment of both replicas. */
  readonly environment?: Readonly<Record<string, string>>;
  /** How often rules are evaluated; as they say themselves when left out. */
  readonly evaluateEvery?: string;
  /**
   * Between two scrapes, and how long one may take; 5 when left out, as `npm start` has it. With less, a machine that is
   * busy with something else misses scrapes, and an alert that waits begins anew.
   */
  readonly scrapeSeconds?: number;
}

/** Starts everything; rules are those of the local environment. */
export async function startAlertStack(options: AlertStackOptions = {}): Promise<AlertStack> {
  const started: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const one of started.reverse()) await one();
  };
  try {
    const backing = await startBacking();
    started.push(() => backing.stop());
    const acl = join(backing.dir, 'redis/acl');
    // As in the cluster: what the exporter may not read, no panel shows.
    const [, ...users] = aclFile({ exporter: ['exporter'], backup: ['backup'] }).split('\n');
    appendFileSync(acl, users.join('\n'));
    const sound = readFileSync(acl, 'utf8');
    const restart = async (content: string) => {
      writeFileSync(acl, content);
      backing.redis.signal('SIGKILL');
      await backing.redis.restart();
    };
    await restart(sound);
    // The second replica's certificate ends tomorrow.
    await writeCertificate(join(backing.dir, 'tls-old'), backing.authority, 1);
    const policies = join(backing.dir, 'policies.json');
    if (options.policies) writeFileSync(policies, JSON.stringify(options.policies));
    const environment = { POLICIES_FILE: policies, ...options.environment };
    const replicas = [
      await backing.start(environment),
      await backing.start({ ...environment, TLS_DIR: join(backing.dir, 'tls-old') }),
    ];
    const receiver = await startReceiver();
    started.push(() => receiver.stop());
    const rules = ruleFiles('local', { redisServers: 1, backupHours: null }).map(({ name, content }) => ({
      name,
      content: options.evaluateEvery
        ? content.replaceAll(/interval: \S+/g, `interval: ${options.evaluateEvery}`)
        : content,
    }));
    const { scrapeSeconds = 5 } = options;
    const servers = await startMonitoring(
      { backing, replicas, rules, webhook: receiver.url, scrapeSeconds },
      (one) => started.push(() => one.stop()),
    );
    return {
      backing,
      replicas,
      receiver,
      prometheus: servers.prometheus,
      refuse: (user) => restart(sound.replace(new RegExp(`(user ${user} on >)\\S+`), '$1another')),
      restore: () => restart(sound),
      load: (perSecond) => load(replicas, backing, perSecond),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startMonitoring(
  {
    backing: { dir, redis },
    replicas,
    rules,
    webhook,
    scrapeSeconds,
  }: {
    readonly backing: Backing;
    readonly replicas: readonly TestService[];
    readonly rules: readonly { readonly name: string; readonly content: string }[];
    readonly webhook: string;
    readonly scrapeSeconds: number;
  },
  keep: (server: Server) => void,
): Promise<{ prometheus: string }> {
  const [exporter, alertmanager, prometheus] = [await freePort(), await freePort(), await freePort()];
  const file = (name: string, content: string) => {
    const path = join(dir, 'monitoring', name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  };
  for (const { name, content } of rules) file(`rules/${name}`, content);
  const address = `rediss://127.0.0.1:${redis.port}`;
  const passwords = file('exporter.json', JSON.stringify({ [address]: 'exporter' }));
  keep(
    await startServer(
      'redis_exporter',
      [
        `--redis.addr=${address}`,
        '--redis.user=exporter',
        `--redis.password-file=${passwords}`,
        `--tls-ca-cert-file=${join(dir, 'redis/ca.crt')}`,
        `--check-single-keys=${lastBackupKey}`,
        `--web.listen-address=127.0.0.1:${exporter}`,
      ],
      `http://127.0.0.1:${exporter}/health`,
    ),
  );
  const receivers = (['critical', 'warning', 'heartbeat'] as const).map((severity) => ({
    name: severity,
    severity,
    url: `${webhook}/${severity}`,
  }));
  const timings = { groupWait: '1s', groupInterval: '2s', repeatInterval: '1h' };
  keep(
    await startServer(
      'alertmanager',
      [
        `--config.file=${file('alertmanager.yml', stringify(alertmanagerConfig({ receivers, timings, quietEnvironments: [] })))}`,
        `--storage.path=${join(dir, 'monitoring/alertmanager')}`,
        `--web.listen-address=127.0.0.1:${alertmanager}`,
        '--cluster.listen-address=',
      ],
      `http://127.0.0.1:${alertmanager}/-/ready`,
    ),
  );
  const config = prometheusConfig({
    environment: 'local',
    scrapeIntervalSeconds: scrapeSeconds,
    jobs: [
      {
        job: 'case-service',
        targets: replicas.map(({ ports }) => `127.0.0.1:${ports.internal}`),
        tlsServerName: 'localhost',
      },
      { job: 'redis', targets: [`127.0.0.1:${exporter}`] },
      { job: 'alertmanager', targets: [`127.0.0.1:${alertmanager}`] },
    ],
    caFile: join(dir, 'tls/ca.crt'),
    ruleFiles: [join(dir, 'monitoring/rules/*.yml')],
    alertmanager: `127.0.0.1:${alertmanager}`,
    self: `127.0.0.1:${prometheus}`,
  });
  keep(
    await startServer(
      'prometheus',
      [
        `--config.file=${file('prometheus.yml', stringify(config))}`,
        `--storage.tsdb.path=${join(dir, 'monitoring/data')}`,
        `--web.listen-address=127.0.0.1:${prometheus}`,
        '--enable-feature=exemplar-storage',
      ],
      `http://127.0.0.1:${prometheus}/-/ready`,
    ),
  );
  return { prometheus: `http://127.0.0.1:${prometheus}` };
}

/** Signs in, trying again while Redis comes back, then sends without waiting for answers. */
async function load(
  replicas: readonly TestService[],
  { users }: Backing,
  perSecond: number,
): Promise<() => Promise<void>> {
  const user = users.find(({ role }) => role === 'caseworker') as (typeof users)[number];
  const token = await signIn(replicas[0] as TestService, user);
  let running = true;
  const done = (async () => {
    const open = new Set<Promise<unknown>>();
    for (let count = 0; running; count += 1) {
      const sent = (replicas[count % replicas.length] as TestService)
        .send('GET', '/api/v1/cases', { token })
        .catch(() => null)
        .finally(() => open.delete(sent));
      open.add(sent);
      await sleep(1_000 / perSecond);
    }
    await Promise.all(open);
  })();
  return async () => {
    running = false;
    await done;
  };
}

async function signIn(replica: TestService, user: Parameters<TestService['login']>[0]): Promise<string> {
  for (const end = Date.now() + 30_000; ; await sleep(500)) {
    try {
      return (await replica.login(user)).accessToken;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
  }
}
