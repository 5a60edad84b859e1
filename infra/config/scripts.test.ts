import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spawnSync } from '../programs/child-process.ts';
import { backupScript, restoreScript } from './backup.ts';
import { reloadScript } from './redis-reload.ts';
import {
  redisScript,
  type SentinelInput,
  sentinelAcl,
  sentinelConf,
  sentinelScript,
  stopScript,
} from './sentinel.ts';

const folder = mkdtempSync(join(tmpdir(), 'redis-scripts-'));
const bin = join(folder, 'bin');
const path = (name: string) => join(folder, name);
const domain = 'redis.ns.svc';
const hosts = [0, 1, 2].map((index) => `redis-${index}.${domain}`);
const input: SentinelInput = {
  primaryName: 'main',
  hosts,
  domain,
  redisPort: 6379,
  sentinelPort: 26_379,
  quorum: 2,
  downAfterMilliseconds: 1500,
  tlsDirectory: path('tls'),
  secretsDirectory: path('secrets'),
  dataDirectory: path('data'),
  runDirectory: path('run'),
};

/** Stands in for the Redis programs: answers as the file `answers/<host>` says, and notes how it was called. */
const cli = `#!/bin/sh
echo "$0 $*" >> "${folder}/calls"
while [ $# -gt 0 ]; do
  case "$1" in -h) host="$2";; --rdb) echo REDIS > "$2"; exit;; set) echo OK; exit;; esac
  shift
done
[ -f "${folder}/answers/$host" ] && cat "${folder}/answers/$host"
`;

beforeAll(() => {
  for (const name of ['bin', 'secrets', 'data', 'run', 'answers', 'tls', 'backup']) mkdirSync(path(name));
  for (const name of [
    'sentinel-client-password',
    'replication-password',
    'sentinel-password',
    'backup-password',
  ])
    writeFileSync(path(`secrets/${name}`), `${name}-value`);
  for (const [name, text] of Object.entries({
    'redis-cli': cli,
    'redis-server': '#!/bin/sh\necho "exec $*"\n',
    'redis-check-rdb': '#!/bin/sh\ngrep -q REDIS "$1"\n',
    timeout: '#!/bin/sh\nshift\nexec "$@"\n',
    sleep: '#!/bin/sh\nexit 0\n',
  })) {
    writeFileSync(join(bin, name), text);
    chmodSync(join(bin, name), 0o755);
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a script as pod `redis-<ordinal>`; files of the image are read from the temporary folder. */
function run(script: string, ordinal: number, ...args: string[]) {
  rmSync(path('answers'), { recursive: true });
  mkdirSync(path('answers'));
  writeFileSync(path('redis.conf'), 'port 0\n');
  writeFileSync(path('sentinel.conf'), sentinelConf(input));
  return (answers: Record<number, string>) => {
    for (const [host, answer] of Object.entries(answers))
      writeFileSync(path(`answers/${hosts[Number(host)]}`), answer);
    const { status, stdout, stderr } = spawnSync(
      'sh',
      ['-c', script.replaceAll('/etc/redis/', `${folder}/`), 'sh', ...args],
      {
        encoding: 'utf8',
        env: { PATH: `${bin}:${process.env.PATH}`, HOSTNAME: `redis-${ordinal}` },
      },
    );
    return { status, stdout, stderr };
  };
}

/** What a Sentinel says of its primary. */
const says = (primary: number, { replicas = 2, flags = 'master', epoch = 0 } = {}) => {
  const fields = { ip: hosts[primary], flags, 'num-slaves': replicas, 'config-epoch': epoch };
  return Object.entries(fields).flat().join('\n');
};
/** What this pod's own Sentinel remembers on the volume. */
const remember = (primary: number, epoch: number) =>
  writeFileSync(
    path('data/sentinel.conf'),
    `sentinel monitor main ${hosts[primary]} 6379 2\nsentinel config-epoch main ${epoch}\nsentinel current-epoch ${epoch + 2}\nsentinel leader-epoch main ${epoch + 1}\n`,
  );

describe('a server that starts', () => {
  const script = redisScript(input);
  const conf = () => readFileSync(path('run/redis.conf'), 'utf8');

  test('is the primary of an empty installation when it is the first', () => {
    expect(run(script, 0)({}).stdout).toContain(`redis-0.${domain} starts; the primary is redis-0.${domain}`);
    expect(conf()).not.toContain('replicaof');
    run(script, 1)({});
    expect(conf()).toContain(`replicaof redis-0.${domain} 6379`);
  });

  test('follows whom the other Sentinels name', () => {
    run(script, 0)({ 1: says(2) });
    expect(conf()).toContain(`replicaof redis-2.${domain} 6379`);
  });

  test('alone, is what its own Sentinel remembers, after it has waited for another one', () => {
    remember(1, 3);
    writeFileSync(path('calls'), '');
    run(script, 0)({});
    expect(conf()).toContain(`replicaof redis-1.${domain} 6379`);
    expect(readFileSync(path('calls'), 'utf8').match(/redis-1\S* .*sentinel master/g)).toHaveLength(20);
    run(script, 1)({});
    expect(conf()).not.toContain('replicaof');
    rmSync(path('data/sentinel.conf'));
  });

  test.each([
    ['it was away during a failover', 0, 3, { 1: says(0, { epoch: 2 }), 2: says(2, { epoch: 4 }) }, 2],
    ['the others were', 1, 5, { 0: says(0, { epoch: 4 }), 2: says(2, { epoch: 4 }) }, 1],
    ['one of the others was', 0, 4, { 1: says(1, { epoch: 5 }), 2: says(0, { epoch: 4 }) }, 1],
  ])('goes by the last election when %s', (_, known, epoch, answers, primary) => {
    remember(known, epoch);
    expect(run(script, 0)(answers).stdout).toContain(`the primary is ${hosts[primary]}`);
    rmSync(path('data/sentinel.conf'));
  });

  test('does not wait for one that lags behind a failover', () => {
    writeFileSync(path('calls'), '');
    run(script, 0)({ 1: says(0, { flags: 'master,o_down' }), 2: says(2, { epoch: 1 }) });
    expect(conf()).toContain(`replicaof redis-2.${domain} 6379`);
    expect(readFileSync(path('calls'), 'utf8').match(/redis-1\S* .*sentinel master/g)).toHaveLength(1);
  });

  test('takes up its role again when they still name it and nobody could take over', () => {
    writeFileSync(path('calls'), '');
    run(script, 1)({ 0: says(1, { replicas: 0 }), 2: says(1, { replicas: 0 }) });
    expect(readFileSync(path('calls'), 'utf8').match(/redis-0\S* .*sentinel master/g)).toHaveLength(1);
    expect(conf()).not.toContain('replicaof');
  });

  test('waits while they see it down and have replicas to choose from', () => {
    const { stdout } = run(script, 1)({ 0: says(1, { flags: 'master,s_down,o_down' }) });
    expect(
      readFileSync(path('calls'), 'utf8').match(/redis-0\S* .*sentinel master/g)?.length,
    ).toBeGreaterThan(15);
    expect(stdout).toContain(`the primary is redis-1.${domain}`);
  });

  test('waits for another to take over when it has crashed and they have not noticed yet', () => {
    writeFileSync(path('calls'), '');
    run(script, 1)({ 0: says(1) });
    expect(readFileSync(path('calls'), 'utf8').match(/redis-0\S* .*sentinel master/g)).toHaveLength(20);
    expect(conf()).not.toContain('replicaof');
  });

  test('does not wait when nobody could take over', () => {
    writeFileSync(path('calls'), '');
    run(script, 0)({ 1: says(0, { replicas: 0, flags: 'master,s_down' }) });
    expect(readFileSync(path('calls'), 'utf8').split('\n').length).toBeLessThan(5);
  });

  test('passes no password on a command line', () => {
    expect(readFileSync(path('calls'), 'utf8')).not.toContain('-value');
    expect(conf()).toContain('masterauth replication-password-value');
  });
});

describe('a Sentinel that starts', () => {
  const script = sentinelScript(input);
  const state = () => readFileSync(path('data/sentinel.conf'), 'utf8');

  test('asks the others, else remembers, else takes the first', () => {
    run(script, 1)({});
    expect(state()).toContain(`sentinel monitor main redis-0.${domain} 6379 2`);
    run(script, 1)({ 2: says(2) });
    expect(state()).toContain(`sentinel monitor main redis-2.${domain} 6379 2`);
    run(script, 1)({});
    expect(state()).toContain(`sentinel monitor main redis-2.${domain} 6379 2`);
  });

  test('keeps its votes and the election it goes by, and knows the others', () => {
    remember(1, 7);
    run(script, 1)({});
    expect(state()).toContain(
      `sentinel monitor main redis-1.${domain} 6379 2\nsentinel config-epoch main 7\n`,
    );
    expect(state()).toMatch(/^sentinel current-epoch 9\nsentinel leader-epoch main 8$/m);
    expect(state().match(/^sentinel known-sentinel .*$/gm)).toEqual([
      `sentinel known-sentinel main redis-0.${domain} 26379 ${'0'.repeat(40)}`,
      `sentinel known-sentinel main redis-2.${domain} 26379 ${'0'.repeat(39)}2`,
    ]);
    run(script, 1)({ 2: says(2, { epoch: 8 }) });
    expect(state()).toContain(
      `sentinel monitor main redis-2.${domain} 6379 2\nsentinel config-epoch main 8\n`,
    );
  });

  test('has an id of its own that stays', () => {
    run(script, 2)({});
    expect(state()).toMatch(/^sentinel myid 0{39}2$/m);
  });
});

describe('a copy', () => {
  const script = backupScript({
    hosts,
    redisPort: 6379,
    sentinelPort: 26_379,
    primaryName: 'main',
    tlsDirectory: path('tls'),
    secretsDirectory: path('secrets'),
    backupDirectory: path('backup'),
    keep: 2,
  });

  test('is taken from the primary, checked, and only the newest are kept', () => {
    for (const old of ['20200101T000000Z', '20210101T000000Z', '20220101T000000Z'])
      writeFileSync(path(`backup/${old}.rdb`), 'REDIS');
    const { stdout, status } = run(script, 0)({ 0: `${hosts[2]}\n6379` });
    expect(stdout).toContain(`copied ${hosts[2]}`);
    expect(status).toBe(0);
    const left = readdirSync(path('backup')).sort();
    expect(left).toHaveLength(2);
    expect(left).toContain('20220101T000000Z.rdb');
  });

  test('fails, and leaves the others, when it is no RDB file', () => {
    const before = readdirSync(path('backup')).filter((name) => name.endsWith('.rdb'));
    expect(run(script.replace('--rdb "$part"', '> "$part"'), 0)({}).status).not.toBe(0);
    expect(readdirSync(path('backup')).filter((name) => name.endsWith('.rdb'))).toEqual(before);
  });

  test('is put in place of what is there, which is kept', () => {
    mkdirSync(path('data/appendonlydir'));
    writeFileSync(path('data/appendonlydir/old'), 'old');
    const restore = restoreScript({ dataDirectory: path('data'), backupDirectory: path('backup') });
    expect(run(restore, 0, hosts[0] as string, '20220101T000000Z.rdb')({}).status).toBe(0);
    expect(readFileSync(path('data/appendonlydir/appendonly.aof.1.base.rdb'), 'utf8')).toBe('REDIS');
    expect(readdirSync(path('data')).some((name) => name.startsWith('before-restore-'))).toBe(true);
  });

  test('that is not there changes nothing', () => {
    const restore = restoreScript({ dataDirectory: path('data'), backupDirectory: path('backup') });
    expect(run(restore, 0, hosts[0] as string, 'none.rdb')({}).status).not.toBe(0);
    expect(existsSync(path('data/appendonlydir/appendonly.aof.1.base.rdb'))).toBe(true);
  });
});

test.each([
  ['redis', redisScript(input)],
  ['sentinel', sentinelScript(input)],
  ['stop', stopScript(input)],
  [
    'reload',
    reloadScript({
      servers: [
        { port: 1, acl: 'a' },
        { port: 2, acl: 'b' },
      ],
      tlsDirectory: '/t',
      secretsDirectory: '/s',
      seconds: 5,
    }),
  ],
])('%s.sh is a shell script without a password in it', (_, script) => {
  expect(spawnSync('sh', ['-n', '-c', script]).status).toBe(0);
  expect(script).not.toContain('-value');
});

test('Sentinels know their users by digest alone, and the default user is off', () => {
  const acl = sentinelAcl({ sentinel: ['one', 'two'], reloader: ['three'], exporter: ['four'] });
  expect(acl).toMatch(/^user default off$/m);
  expect(acl.match(/#[0-9a-f]{64}/g)).toHaveLength(4);
  expect(acl).not.toMatch(/one|three|four/);
});
