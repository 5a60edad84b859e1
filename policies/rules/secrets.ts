import { containers, isKind, isWorkload, manifest, podTemplate } from '../engine/kubernetes.ts';
import { integer, resourceRule } from '../engine/rule.ts';
import { isUnknown } from '../engine/unknown.ts';
import { isCaseService, runsCaseService } from './workloads.ts';

/** Where secrets may be, and what the settings of the service may not say. */

const secretName = /(password|passwd|secret|token|api_?key|private_?key|credential)/i;
/** Names that hold where or how, not what. */
const reference = /(_FILE|_DIR|_PATH|_URL|_USER|_ISSUER|_AUDIENCE|_NAME|FILE)$/i;

export const secretRules = [
  resourceRule({
    name: 'secrets-only-as-files',
    control: 'SEC-1',
    title: 'Secrets reach a container as files, never as environment variables',
    why: 'The environment is inherited by children, dumped by crash reports and shown by describe.',
    severity: 'critical',
    remediation: 'Mount the Secret as a volume and hand the program the path.',
    references: ['CKV_K8S_35', 'CIS 5.4.1', 'C-0207', 'C-0012', 'ASVS 13.3.1', 'NSA'],
    applies: isWorkload,
    *check(resource) {
      for (const { name, env = [], envFrom = [] } of containers(resource)) {
        if (envFrom.some(({ secretRef }) => secretRef !== undefined))
          yield `container ${name}: envFrom a Secret`;
        for (const { name: variable = '', value, valueFrom } of env) {
          if (valueFrom?.secretKeyRef !== undefined)
            yield `container ${name}: ${variable} comes from a Secret`;
          if (value && secretName.test(variable) && !reference.test(variable))
            yield `container ${name}: ${variable} is a literal`;
        }
      }
    },
  }),
  resourceRule({
    name: 'secret-not-on-command-line',
    control: 'SEC-1',
    title: 'No secret stands in the arguments of a container',
    why: 'Arguments are in the process list and in every manifest.',
    severity: 'critical',
    remediation: 'Let the program read the secret from a file.',
    references: ['ASVS 13.3.1', 'CIS 5.4.1'],
    applies: isWorkload,
    *check(resource) {
      for (const { name, args = [] } of containers(resource))
        for (const argument of args)
          if (
            /--?(requirepass|password|token|secret|api-?key)[= ]./i.test(argument) ||
            /:\/\/[^/\s:@]*:[^@\s/]+@/.test(argument)
          )
            yield `container ${name}: an argument carries a credential`;
    },
  }),
  resourceRule({
    name: 'secret-files-private',
    control: 'SEC-1',
    title: 'Secret files can be read by their user and group only',
    why: 'The default mode 0644 lets every process of the pod read them.',
    severity: 'medium',
    remediation: 'Set defaultMode: 0o400 (0o440 with fsGroup) and mount the volume readOnly.',
    references: ['ASVS 13.3.2', 'C-0207'],
    config: {
      properties: { maxMode: integer('Widest file mode, as a decimal number (288 is 0440)', 0o440) },
    },
    applies: isWorkload,
    *check(resource, config) {
      const widest = config.maxMode as number;
      for (const { name, secret } of podTemplate(resource).spec?.volumes ?? []) {
        if (!secret) continue;
        const mode = secret.defaultMode ?? 0o644;
        if ((mode & ~widest) !== 0) yield `volume ${name}: files have mode 0${mode.toString(8)}`;
        for (const container of containers(resource))
          for (const mount of container.volumeMounts ?? [])
            if (mount.name === name && mount.readOnly !== true)
              yield `container ${container.name}: ${mount.mountPath} is not mounted readOnly`;
      }
    },
  }),
  resourceRule({
    name: 'configmap-holds-no-secret',
    control: 'SEC-1',
    title: 'No ConfigMap holds a password, key or token',
    why: 'ConfigMaps are not encrypted at rest and are readable to many more than Secrets.',
    severity: 'critical',
    remediation: 'Move the value into a Secret and refer to it as a file.',
    references: ['CIS 5.4.1', 'C-0012', 'ASVS 13.3.1', 'polaris sensitiveConfigmapContent'],
    mayBeUnknown: [
      {
        path: 'data.ca.crt',
        reason: 'the certificate of a generated authority is public, and made by the first pulumi up',
      },
    ],
    applies: (resource) => isKind(resource, 'ConfigMap'),
    *check(resource) {
      for (const [key, text] of Object.entries(manifest(resource).data ?? {})) {
        if (isUnknown(text)) continue;
        const found = sensitive.find(({ pattern }) => pattern.test(text));
        if (found) yield `data.${key} holds ${found.what}`;
      }
    },
  }),
  resourceRule({
    name: 'secret-text-is-managed',
    control: 'SEC-2',
    title: 'Secrets hold values that were given or generated, never a known default',
    why: 'A default password is the first that is tried.',
    severity: 'critical',
    remediation: 'Generate it (@pulumi/random) or set it with pulumi config set --secret.',
    references: ['ASVS 6.3.2', 'ASVS 13.2.3', 'API8'],
    mayBeUnknown: [
      {
        path: 'stringData.*',
        reason: 'generated passwords and certificates exist after the first pulumi up only',
      },
      { path: 'data.*', reason: 'generated passwords and certificates exist after the first pulumi up only' },
      { path: 'stringData', reason: 'a Secret may be computed as a whole from generated values' },
      { path: 'data', reason: 'a Secret may be computed as a whole from generated values' },
    ],
    applies: (resource) => isKind(resource, 'Secret'),
    *check(resource) {
      const { stringData, data } = resource.props as Record<
        'stringData' | 'data',
        Record<string, string> | undefined
      >;
      const decoded = Object.entries(readable(data)).map(([key, value]) => [key, fromBase64(value)] as const);
      for (const [key, value] of [...Object.entries(readable(stringData)), ...decoded])
        if (knownDefaults.has(value.trim().toLowerCase())) yield `${key} is a well-known default`;
    },
  }),
  resourceRule({
    name: 'generated-secret-strength',
    control: 'SEC-2',
    title: 'Generated passwords and keys are long enough not to be guessed',
    why: 'Redis checks thousands of passwords a second.',
    severity: 'high',
    remediation: 'Use at least 24 characters, 32 random bytes, RSA 2048 or an elliptic curve.',
    references: ['ASVS 11.5.1', 'ASVS 6.2.1'],
    config: { properties: { minLength: integer('Fewest characters of a generated password', 24) } },
    applies: ({ type }) => /^(random:index\/random(Password|Bytes)|tls:index\/privateKey)/.test(type),
    *check(resource, config) {
      const { length, algorithm, rsaBits } = resource.props as Record<string, unknown>;
      const least = config.minLength as number;
      if (resource.type.startsWith('tls:')) {
        if (algorithm === 'RSA' && Number(rsaBits ?? 2048) < 2048) yield `an RSA key of ${rsaBits} bits`;
      } else if (Number(length) < least)
        yield `a generated secret of ${length} characters, fewer than ${least}`;
    },
  }),
  resourceRule({
    name: 'service-settings-safe',
    control: 'TLS-3',
    title: 'The settings of the case service open no plain listener and trust nobody blindly',
    why: 'One variable undoes TLS, the limiter’s idea of an address, or CORS.',
    severity: 'critical',
    remediation: 'Remove PLAIN_PORT; use rediss:// and https://; name exact proxies and origins.',
    references: ['ASVS 12.2.1', 'ASVS 12.3.1', 'ASVS 4.1.3', 'ASVS 3.4.2', 'API8'],
    applies: runsCaseService,
    *check(resource) {
      for (const { env = [] } of containers(resource).filter(isCaseService)) {
        const value = (name: string): string => env.find((variable) => variable.name === name)?.value ?? '';
        const list = (name: string): string[] =>
          value(name)
            .split(',')
            .map((part) => part.trim());
        if (value('PLAIN_PORT')) yield 'PLAIN_PORT opens a plain listener';
        if (list('REDIS_URL').some((url) => url && !/^rediss:\/\/[^@]+$/.test(url)))
          yield 'REDIS_URL is not rediss:// without credentials';
        if (!value('TOKEN_ISSUER').startsWith('https://')) yield 'TOKEN_ISSUER is not https';
        if (list('TRUSTED_PROXIES').some(trustsEverybody)) yield 'TRUSTED_PROXIES trusts every address';
        if (list('ALLOWED_ORIGINS').some((origin) => origin !== '' && !/^https:\/\/[^*]+$/.test(origin)))
          yield 'ALLOWED_ORIGINS holds a wildcard or a plain origin';
        if (/^(debug|trace)$/.test(value('LOG_LEVEL'))) yield `LOG_LEVEL is ${value('LOG_LEVEL')}`;
      }
    },
  }),
] as const;

const sensitive = [
  { pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/, what: 'a private key' },
  { pattern: /:\/\/[^/\s:@]*:[^@\s/]+@/, what: 'a URL with a password' },
  // A reference to a file or a variable, as scripts hold it, is no password.
  { pattern: /^\s*(requirepass|masterauth|sentinel auth-pass \S+)\s+(?![$%])\S/m, what: 'a Redis password' },
  { pattern: /^\s*user\s+\S+\s.*(>|#)[^\s]{8,}/m, what: 'a Redis ACL password' },
  {
    pattern:
      /^\s*"?(admin_password|client_secret|secret_key|auth_token|bearer_token|password)"?\s*[:=]\s*(?!["']?(\$__file\{|\$\{|$))\S/m,
    what: 'a password or token',
  },
  { pattern: /\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]+/, what: 'a token' },
];

const knownDefaults: ReadonlySet<string> = new Set([
  'admin',
  'changeme',
  'change-me',
  'default',
  'password',
  'prom-operator',
  'redis',
  'secret',
  'test',
]);

/** Unknown, absent or redacted contents have nothing to read. */
function readable(values: Record<string, string> | undefined): Record<string, string> {
  if (!values || isUnknown(values)) return {};
  return Object.fromEntries(
    Object.entries(values).filter(([, value]) => !isUnknown(value) && !value.startsWith('secret:')),
  );
}

function fromBase64(value: string): string {
  return Buffer.from(value, 'base64').toString('utf8');
}

function trustsEverybody(cidr: string): boolean {
  return /^(true|\d+|0\.0\.0\.0\/0|::\/0|\*)$/.test(cidr) || /\/[0-7]$/.test(cidr);
}
