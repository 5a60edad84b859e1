import { isKind, manifest, namespaceOf, objectName, podTemplate, spec } from '../engine/kubernetes.ts';
import type { MayBeUnknown, Resource } from '../engine/rule.ts';
import { resourceRule, stackRule } from '../engine/rule.ts';
import { isUnknown } from '../engine/unknown.ts';

/** Redis and Sentinel, judged by the configuration files that the stack mounts. */

const computed: readonly MayBeUnknown[] = ['stringData.*', 'data.*', 'stringData', 'data'].map((path) => ({
  path,
  reason: 'an ACL file holds password hashes, which exist after the first pulumi up only',
}));

const administration = /\s\+(flushall|flushdb|config|debug|shutdown|@dangerous|keys)(?=\s|$)/gi;
/** Administrator's commands that a user of the stack's own machinery needs; none of them reaches a key. */
const operators: Readonly<Record<string, 'all' | readonly string[]>> = {
  sentinel: 'all',
  // A Sentinel reads its certificate only when it starts.
  reloader: ['shutdown'],
};

export const redisRules = [
  resourceRule({
    name: 'redis-tls-only',
    control: 'RED-1',
    title: 'Redis and Sentinel listen with TLS only, 1.2 or newer',
    why: 'Without it passwords and cases cross the network in the clear.',
    severity: 'critical',
    remediation:
      'Set port 0, tls-port, tls-protocols "TLSv1.2 TLSv1.3"; tls-replication yes where it is replicated.',
    references: ['ASVS 12.3.1', 'ASVS 12.3.3', 'API8'],
    applies: (resource) => configFiles(resource).length > 0,
    *check(resource) {
      for (const { file, text } of configFiles(resource)) {
        const conf = directives(text);
        if (conf.get('port') !== '0')
          yield `${file}: port is ${conf.get('port') ?? 'not set'}, a plain listener`;
        if (!Number(conf.get('tls-port'))) yield `${file}: no tls-port`;
        if (/TLSv1(\.1)?(?=["\s]|$)/.test(conf.get('tls-protocols') ?? 'TLSv1'))
          yield `${file}: tls-protocols is ${conf.get('tls-protocols') ?? 'not set'}`;
        const replicates =
          conf.has('replicaof') || conf.has('min-replicas-to-write') || file.includes('sentinel');
        if (replicates && conf.get('tls-replication') !== 'yes') yield `${file}: tls-replication is not yes`;
      }
    },
  }),
  resourceRule({
    name: 'redis-acl',
    control: 'RED-1',
    title: 'Redis takes its users from an ACL file and keeps protected mode',
    why: 'Without users every client may do everything, FLUSHALL included.',
    severity: 'critical',
    remediation: 'Set aclfile; leave protected-mode on.',
    references: ['ASVS 13.2.2', 'ASVS 8.2.1', 'CIS Redis'],
    applies: (resource) => configFiles(resource).some(isServer),
    *check(resource) {
      for (const { file, text } of configFiles(resource).filter(isServer)) {
        const conf = directives(text);
        if (!conf.has('aclfile')) yield `${file}: no aclfile`;
        if (conf.get('protected-mode') === 'no') yield `${file}: protected-mode is off`;
        for (const name of ['enable-debug-command', 'enable-module-command', 'enable-protected-configs'])
          if ((conf.get(name) ?? 'no') !== 'no') yield `${file}: ${name} is ${conf.get(name)}`;
      }
    },
  }),
  resourceRule({
    name: 'redis-users-least',
    control: 'RED-1',
    title: 'Redis users have a password, their own keys and their own commands; the default user is off',
    why: 'The limiter’s password must not read cases, nor any password run FLUSHALL or CONFIG.',
    severity: 'critical',
    remediation:
      'Write the ACL by infra/config/redis.ts: user default off, then +command for each that is used.',
    references: ['ASVS 13.2.2', 'ASVS 8.2.1'],
    mayBeUnknown: computed,
    applies: (resource) => aclFiles(resource).length > 0,
    *check(resource) {
      for (const { file, text } of aclFiles(resource)) {
        if (text === '') continue;
        const users = text.split('\n').filter((line) => line.startsWith('user '));
        const off = users.find((line) => /^user default\s/.test(line));
        if (!off || !/\soff(\s|$)/.test(off)) yield `${file}: user default is not off`;
        for (const line of users.filter((one) => one !== off)) {
          const [, name = ''] = line.split(/\s+/);
          if (/\snopass(\s|$)/.test(line)) yield `${file}: user ${name} has no password`;
          if (/\s(\+@all|allcommands)(\s|$)/.test(line)) yield `${file}: user ${name} may run every command`;
          if (name.startsWith('case-') && /\s(~\*|allkeys)(\s|$)/.test(line))
            yield `${file}: user ${name} reaches every key`;
          const allowed = operators[name] ?? [];
          const commands = [...line.matchAll(administration)].map(([, command = '']) =>
            command.toLowerCase(),
          );
          if (allowed !== 'all' && commands.some((command) => !allowed.includes(command)))
            yield `${file}: user ${name} may run an administrator's command`;
        }
      }
    },
  }),
  resourceRule({
    name: 'redis-persistent',
    control: 'RED-2',
    title: 'Redis writes an append-only file, each second',
    why: 'Acknowledged means written: without it a restart loses every case.',
    severity: 'high',
    remediation: 'Set appendonly yes and appendfsync everysec (or always).',
    references: ['ASVS 14.2.4', 'design'],
    applies: (resource) => configFiles(resource).some(isServer),
    *check(resource) {
      for (const { file, text } of configFiles(resource).filter(isServer)) {
        const conf = directives(text);
        if (conf.get('appendonly') !== 'yes')
          yield `${file}: appendonly is ${conf.get('appendonly') ?? 'not set'}`;
        if (conf.get('appendfsync') === 'no') yield `${file}: appendfsync is no`;
      }
    },
  }),
  resourceRule({
    name: 'redis-no-eviction',
    control: 'RED-2',
    title: 'Redis never evicts: memory is bounded, and full means an error',
    why: 'An evicted limiter key is a fresh quota, an evicted case is lost.',
    severity: 'high',
    remediation: 'Set maxmemory and maxmemory-policy noeviction.',
    references: ['API4', 'design'],
    applies: (resource) => configFiles(resource).some(isServer),
    *check(resource) {
      for (const { file, text } of configFiles(resource).filter(isServer)) {
        const conf = directives(text);
        const policy = conf.get('maxmemory-policy');
        if (policy !== 'noeviction') yield `${file}: maxmemory-policy is ${policy ?? 'not set'}`;
        if (!/^[1-9]/.test(conf.get('maxmemory') ?? '')) yield `${file}: maxmemory is not bounded`;
      }
    },
  }),
  stackRule({
    name: 'sentinel-quorum',
    control: 'RED-2',
    title: 'Sentinels are odd in number, and a majority of them must agree',
    why: 'With an even number or a small quorum two halves each promote a primary.',
    severity: 'high',
    remediation: 'Run 3 or 5 Sentinels with a quorum of 2 or 3; set min-replicas-to-write 1 on Redis.',
    references: ['Redis Sentinel documentation', 'design'],
    *check(resources) {
      for (const resource of resources)
        for (const { text, file } of sentinelFiles(resource)) {
          const quorum = Number(/^sentinel monitor \S+ \S+ \d+ (\d+)/m.exec(text)?.[1] ?? 0);
          const runners = resources.filter(
            (one) =>
              isKind(one, 'StatefulSet', 'Deployment') &&
              namespaceOf(one) === namespaceOf(resource) &&
              (podTemplate(one).spec?.volumes ?? []).some(
                (volume) => volume.configMap?.name === objectName(resource),
              ),
          );
          const count = runners.map((one) => spec<{ replicas?: number }>(one).replicas ?? 1)[0];
          if (quorum === 0) yield { message: `${file}: no sentinel monitor with a quorum`, resource };
          else if (count !== undefined && (count % 2 === 0 || quorum <= count / 2 || quorum > count))
            yield { message: `quorum ${quorum} of ${count} Sentinels is no odd majority`, resource };
        }
    },
  }),
] as const;

interface File {
  readonly file: string;
  readonly text: string;
}

const isServer = ({ file }: File): boolean => !file.includes('sentinel');

/** redis.conf and sentinel.conf, in ConfigMaps. */
function configFiles(resource: Resource): readonly File[] {
  return isKind(resource, 'ConfigMap') ? files(resource, /(redis|sentinel)[\w.-]*\.conf$/) : [];
}

/** sentinel.conf, or the script that completes and starts it. */
function sentinelFiles(resource: Resource): readonly File[] {
  if (!isKind(resource, 'ConfigMap')) return [];
  const found = files(resource, /sentinel[\w.-]*\.(conf|sh)$/);
  const scripts = found.filter(({ file }) => file.endsWith('.sh'));
  return scripts.length > 0 ? scripts : found;
}

/** ACL files, which hold password hashes and so live in Secrets. */
function aclFiles(resource: Resource): readonly File[] {
  return isKind(resource, 'Secret') ? files(resource, /(\.acl|acl)$/) : [];
}

function files(resource: Resource, name: RegExp): readonly File[] {
  const { stringData = {} } = resource.props as { stringData?: Record<string, string> };
  const { data = {} } = manifest(resource);
  const encoded = isKind(resource, 'Secret');
  // By name first: what is in other files, and whether it is known, is no business of the rule.
  const pick = (contents: Readonly<Record<string, string>>, decode: boolean): readonly File[] =>
    isUnknown(contents)
      ? []
      : Object.keys(contents)
          .filter((file) => name.test(file))
          .map((file) => ({ file, text: readText(contents[file] ?? '', decode) }));
  return [...pick(data, encoded), ...pick(stringData, false)];
}

/** Values of `Secret.data` are base64; an unknown or redacted one has no text to read. */
function readText(value: string, encoded: boolean): string {
  if (isUnknown(value) || value.startsWith('secret:')) return '';
  return encoded ? Buffer.from(value, 'base64').toString('utf8') : value;
}

/** Directives of a configuration file; the last of a name wins, as in Redis. */
function directives(text: string): ReadonlyMap<string, string> {
  return new Map(
    text
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const [name = '', ...rest] = line.split(/\s+/);
        return [name.toLowerCase(), rest.join(' ')];
      }),
  );
}
