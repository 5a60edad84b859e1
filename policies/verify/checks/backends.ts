import { readdirSync, readFileSync, statSync } from 'node:fs';
import { connect as connectPlain, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { type Check, verdict } from '../check.ts';
import { CouldNotCheck, exchange, open, parseTarget, type Request, send } from '../client.ts';

/** Servers beside the service: tried where they can be reached, on the machine of the local stack. */
export const backendChecks: readonly Check[] = [
  {
    id: 'backends-redis-closed',
    group: 'backends',
    control: 'RED-1',
    expected:
      'Redis refuses plain connections, commands without a user, and the default user with common passwords',
    remedy: 'Set port 0, tls-port, and user default off in the ACL file.',
    needs: ['redis'],
    async run({ backends: { redis } }) {
      const { url, ca } = present(redis);
      const target = redisTarget(url, ca);
      const wrong: string[] = [];
      const plain = await talk({ ...target, tls: false }, ['PING']).catch(() => '');
      if (plain !== '') wrong.push('answers a plain connection');
      const anonymous = await talk(target, ['PING']);
      if (!anonymous.startsWith('-NOAUTH')) wrong.push(`PING without a user: ${anonymous.slice(0, 20)}`);
      for (const password of ['', 'redis', 'password', 'admin', 'default', 'changeme']) {
        const answer = await talk(target, [`AUTH default ${password || '""'}`]);
        if (!/^-WRONGPASS/.test(answer))
          wrong.push(`AUTH default ${password || '(none)'}: ${answer.slice(0, 20)}`);
      }
      return verdict(wrong, 'refused');
    },
  },
  {
    id: 'backends-redis-users',
    group: 'backends',
    control: 'RED-1',
    expected: 'the service’s Redis users may run no administrator’s command and reach no key of one another',
    remedy: 'Write the ACL by infra/config/redis.ts: each user its own commands and keys.',
    needs: ['redis'],
    async run({ backends: { redis } }) {
      const { url, ca, users } = present(redis);
      const wrong: string[] = [];
      for (const [name, forbidden] of Object.entries(forbiddenCommands)) {
        const file = users[name];
        if (file === undefined) continue;
        const login = `AUTH ${name} ${readFileSync(file, 'utf8').trim()}`;
        // MULTI only queues what the user may run, and DISCARD runs nothing of it.
        const commands = [login, 'MULTI', ...forbidden, 'DISCARD'];
        const answers = (await talk(redisTarget(url, ca), commands)).split('\r\n').slice(2);
        for (const [index, command] of forbidden.entries())
          if (!answers[index]?.startsWith('-NOPERM')) wrong.push(`${name} may run ${command}`);
      }
      return verdict(wrong, 'refused');
    },
  },
  {
    id: 'backends-prometheus',
    group: 'backends',
    control: 'OBS-1',
    expected: 'Prometheus offers neither its admin API nor shutdown, reload or remote write over HTTP',
    remedy:
      'Leave --web.enable-admin-api, --web.enable-lifecycle and --web.enable-remote-write-receiver out.',
    needs: ['prometheus'],
    run: ({ backends: { prometheus } }) =>
      refusesAll(present(prometheus), [
        { method: 'POST', path: '/api/v1/admin/tsdb/snapshot' },
        { method: 'PUT', path: '/-/reload' },
        { method: 'POST', path: '/api/v1/write' },
      ]),
  },
  {
    id: 'backends-grafana',
    group: 'backends',
    control: 'OBS-1',
    expected: 'Grafana answers 401 to anonymous requests and to default passwords, and nobody can sign up',
    remedy: 'Write grafana.ini by infra/config/grafana.ts.',
    needs: ['grafana'],
    run({ backends: { grafana } }) {
      const basic = (user: string): Record<string, string> => ({
        authorization: `Basic ${Buffer.from(user).toString('base64')}`,
      });
      return refusesAll(present(grafana), [
        { path: '/api/org' },
        { path: '/api/search' },
        { path: '/api/datasources' },
        ...['admin:admin', 'admin:password', 'admin:prom-operator'].map((user) => ({
          path: '/api/org',
          headers: basic(user),
        })),
        { method: 'POST', path: '/api/user/signup', body: '{"email":"security-verify@example.invalid"}' },
      ]);
    },
  },
  {
    id: 'backends-loopback',
    group: 'backends',
    control: 'NET-1',
    expected:
      'the local stack’s Redis, Prometheus, Alertmanager, Grafana and internal listeners answer on loopback only',
    remedy: 'Bind them to 127.0.0.1.',
    needs: ['state'],
    async run({ backends }) {
      const { redis, prometheus, alertmanager, grafana, internal = [] } = backends;
      const urls = [redis?.url, prometheus, alertmanager, grafana, ...internal].filter((url) => url != null);
      const addresses = Object.values(networkInterfaces())
        .flatMap((some) => some ?? [])
        .filter((one) => !one.internal && one.family === 'IPv4')
        .map(({ address }) => address);
      const wrong: string[] = [];
      for (const address of addresses)
        for (const url of urls)
          if (await isOpen(address, Number(new URL(url).port))) wrong.push(`${url} answers on ${address}`);
      return verdict(wrong, `${urls.length} ports closed on ${addresses.length} other addresses`);
    },
  },
  {
    id: 'backends-credentials',
    group: 'backends',
    control: 'SEC-1',
    expected: 'the local stack’s folder has mode 0700, and keys, passwords and the users file have mode 0600',
    remedy: 'Run chmod -R go-rwx .local, and npm start again.',
    needs: ['state'],
    async run({ backends: { state } }) {
      const folder = present(state);
      const secret = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
        /(^secrets[/\\].|\.key$|^users\.json$|^stack\.json$)/.test(file),
      );
      const open = ['.', ...secret]
        .map((file) => ({ file, mode: statSync(join(folder, file)).mode & 0o777 }))
        .filter(({ mode }) => (mode & 0o077) !== 0);
      return verdict(
        open.map(({ file, mode }) => `${file} has mode 0${mode.toString(8)}`),
        `${secret.length} files`,
      );
    },
  },
];

const administration = ['FLUSHALL', 'CONFIG GET requirepass', 'KEYS *', 'ACL LIST', 'SHUTDOWN'];
const forbiddenCommands: Readonly<Record<string, readonly string[]>> = {
  'case-data': [...administration, 'GET rl:v1:x', 'SET other 1'],
  'case-limiter': [...administration, 'GET cs:v1:x', 'SET other 1'],
};

function present<T>(backend: T | null | undefined): T {
  if (backend == null) throw new CouldNotCheck('not part of the stack');
  return backend;
}

function redisTarget(url: string, caFile: string): ReturnType<typeof parseTarget> {
  const { hostname, port, protocol } = new URL(url);
  return {
    host: hostname,
    port: Number(port),
    tls: protocol === 'rediss:',
    ca: readFileSync(caFile, 'utf8'),
  };
}

/** Sends inline commands to Redis and returns its answers. */
async function talk(target: ReturnType<typeof parseTarget>, commands: readonly string[]): Promise<string> {
  return exchange(await open(target), [...commands, 'QUIT', ''].join('\r\n'), 3_000);
}

async function refusesAll(url: string, requests: readonly Request[]) {
  const wrong: string[] = [];
  for (const request of requests) {
    const { status, body } = await send(parseTarget(`${new URL(url).origin}`), request);
    // Prometheus before 2.44 answers 500 where its admin API is disabled.
    if (![401, 403, 404, 405, 503].includes(status) && !body.includes('"admin APIs disabled"'))
      wrong.push(`${request.method ?? 'GET'} ${request.path}: ${status}`);
  }
  return verdict(wrong, `${requests.length} refused`);
}

function isOpen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket: Socket = connectPlain({ host, port });
    const end = (isConnected: boolean) => (): void => {
      socket.destroy();
      resolve(isConnected);
    };
    socket.setTimeout(1_000, end(false)).once('connect', end(true)).once('error', end(false));
  });
}
