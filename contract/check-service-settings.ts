import {
  type ServiceSetting,
  type ServiceSettingName,
  type ServiceSettings,
  type SettingFormat,
  serviceSettings,
} from './service-settings.ts';

/** One thing that is wrong with the settings. */
export interface SettingsProblem {
  /** The variable's or file's name. */
  readonly name: string;
  /** The value or fact that was found; never the content of a secret. */
  readonly found: string;
  readonly remedy: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Returns everything that is wrong with an environment, in single settings and across them; unknown variables are ignored. */
export const serviceSettingProblems = (environment: Environment): readonly SettingsProblem[] =>
  readServiceSettings(environment).problems;

/** Reads an environment. The settings are complete and well formed only if there is no problem. */
export function readServiceSettings(environment: Environment): {
  readonly settings: ServiceSettings;
  readonly problems: readonly SettingsProblem[];
} {
  const values: Record<string, string | number> = {};
  const problems: SettingsProblem[] = [];
  for (const [name, setting] of Object.entries<ServiceSetting>(serviceSettings)) {
    const text = environment[name] === '' && !setting.mayBeEmpty ? undefined : environment[name];
    if (text === undefined) {
      if (setting.required)
        problems.push({ name, found: 'is missing', remedy: `set it to ${expectedValue(setting)}` });
      if (setting.default !== undefined) values[name] = setting.default;
    } else if (isValid(setting, text)) values[name] = setting.type === 'string' ? text : Number(text);
    else problems.push({ name, found: `is ${shown(text)}`, remedy: `set it to ${expectedValue(setting)}` });
  }
  const settings = values as unknown as ServiceSettings;
  return {
    settings,
    problems: [...problems, ...problemsAcross(settings, new Set(problems.map(({ name }) => name)))],
  };
}

/** Returns the words for a value that passes, such as `an integer, 1 to 65535`. */
export function expectedValue({
  type,
  enum: choices,
  minimum,
  maximum,
  format,
  list,
}: ServiceSetting): string {
  if (choices) return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1)}`;
  if (type !== 'string') return `${type === 'integer' ? 'an integer' : 'a number'}, ${minimum} to ${maximum}`;
  const { expected } = formats[format ?? 'path'];
  return list ? `${expected}; several with commas` : expected;
}

function isValid(
  { type, enum: choices, minimum, maximum, format, list, mayBeEmpty }: ServiceSetting,
  text: string,
): boolean {
  if (choices) return choices.includes(text);
  if (type !== 'string') {
    const form = type === 'integer' ? /^\d{1,15}$/ : /^\d{1,15}(\.\d{1,15})?$/;
    return (
      form.test(text) &&
      Number(text) >= (minimum ?? 0) &&
      Number(text) <= (maximum ?? Number.MAX_SAFE_INTEGER)
    );
  }
  if (text === '') return mayBeEmpty === true;
  const { check } = formats[format ?? 'path'];
  return list ? text.split(',').every(check) : check(text);
}

/** A value as a message shows it: short, and without credentials of a URL. */
const shown = (text: string): string => JSON.stringify(text.replace(/\/\/[^/]*@/g, '//***@').slice(0, 200));

/** Returns problems that no single setting shows. Settings that are wrong by themselves are left out. */
function problemsAcross(s: ServiceSettings, wrong: ReadonlySet<string>): SettingsProblem[] {
  const problems: SettingsProblem[] = [];
  const add = (names: readonly ServiceSettingName[], found: string, remedy: string) => {
    if (!names.some((name) => wrong.has(name))) problems.push({ name: names[0] ?? '', found, remedy });
  };
  const needed: readonly ServiceSettingName[] =
    s.REDIS_MODE === 'sentinel' ? ['REDIS_SENTINELS', 'REDIS_SENTINEL_MASTER'] : ['REDIS_URL'];
  for (const name of needed) {
    if (s[name] !== undefined) continue;
    add(
      [name, 'REDIS_MODE'],
      `is missing, and REDIS_MODE is ${s.REDIS_MODE}`,
      `set it to ${expectedValue(serviceSettings[name])}`,
    );
  }
  if (s.REDIS_MODE === 'single' && s.REDIS_URL?.includes(',')) {
    add(['REDIS_URL', 'REDIS_MODE'], 'has several addresses', 'give one, or set REDIS_MODE to cluster');
  }
  if (s.LIMITER_DEADLINE_MAX_MS < s.LIMITER_DEADLINE_MS) {
    add(
      ['LIMITER_DEADLINE_MAX_MS', 'LIMITER_DEADLINE_MS'],
      `is ${s.LIMITER_DEADLINE_MAX_MS}, below LIMITER_DEADLINE_MS, which is ${s.LIMITER_DEADLINE_MS}`,
      'set it to LIMITER_DEADLINE_MS or more',
    );
  }
  const listeners = ['API_PORT', 'INTERNAL_PORT', 'PLAIN_PORT'] as const;
  listeners.forEach((name, index) => {
    const other = listeners.slice(0, index).find((earlier) => s[earlier] === s[name]);
    if (other) add([name, other], `is ${s[name]}, as is ${other}`, 'give each listener its own port');
  });
  if (s.DRAIN_SECONDS >= s.SHUTDOWN_SECONDS) {
    add(
      ['DRAIN_SECONDS', 'SHUTDOWN_SECONDS'],
      `is ${s.DRAIN_SECONDS} and SHUTDOWN_SECONDS is ${s.SHUTDOWN_SECONDS}`,
      'set it below SHUTDOWN_SECONDS, which leaves time to close after draining',
    );
  }
  return problems;
}

const host = /^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const isHost = (text: string): boolean => text.length <= 253 && (host.test(text) || isIp(unbracket(text)));
const unbracket = (text: string): string => text.replace(/^\[(.*)\]$/, '$1');
const isPort = (text: string): boolean =>
  /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;
const isIpv4 = (text: string): boolean =>
  /^\d{1,3}(\.\d{1,3}){3}$/.test(text) &&
  text.split('.').every((octet) => String(Number(octet)) === octet && Number(octet) < 256);
const isIpv6 = (text: string): boolean =>
  /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text) && URL.canParse(`http://[${text}]`);
const isIp = (text: string): boolean => isIpv4(text) || isIpv6(text);
const isUrl = (text: string, protocols: readonly string[]): boolean => {
  if (!/^[!-~]+$/.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password } = new URL(text);
  return protocols.includes(protocol) && username === '' && password === '';
};

/** `host:port`, an IPv6 address in brackets. */
function isHostPort(text: string): boolean {
  const [, name = '', port = ''] = /^(\[[^\]]+\]|[^:]+):(\d+)$/.exec(text) ?? [];
  return isHost(name) && isPort(port);
}

/** A network that can be trusted as the edge's: an IPv4-mapped block would match more than it says. */
function isTrustedNetwork(text: string): boolean {
  const [network = '', prefix = '', ...others] = text.split('/');
  if (others.length > 0 || !/^\d{1,3}$/.test(prefix) || /^::ffff:/i.test(network)) return false;
  const bits = Number(prefix);
  return isIpv4(network) ? bits >= 8 && bits <= 32 : isIpv6(network) && bits >= 7 && bits <= 128;
}

/** An origin as browsers send it: lower case, without path and default port. */
function isOrigin(text: string): boolean {
  return !text.includes('*') && isUrl(text, ['https:']) && new URL(text).origin === text;
}

/** The checks of a string, each with the words for a value that passes. */
const formats = {
  path: { check: (text: string) => text.length > 0, expected: 'a path' },
  instance: {
    check: (text: string) => /^[A-Za-z0-9._-]{1,64}$/.test(text),
    expected: '1 to 64 letters, digits, . _ -',
  },
  name: {
    check: (text: string) => /^[!-~]{1,128}$/.test(text),
    expected: '1 to 128 printable ASCII characters',
  },
  address: { check: isHost, expected: 'an IP address or a host name' },
  'host-port': { check: isHostPort, expected: 'host:port' },
  'redis-url': {
    check: (text: string) => text.startsWith('rediss://') && isHostPort(text.slice('rediss://'.length)),
    expected: 'rediss://host:port, without credentials',
  },
  'https-url': {
    check: (text: string) => isUrl(text, ['https:']),
    expected: 'an https URL without credentials',
  },
  url: {
    check: (text: string) => isUrl(text, ['http:', 'https:']),
    expected: 'an http or https URL without credentials',
  },
  origin: {
    check: isOrigin,
    expected: 'an https origin as browsers send it, without path, such as https://app.example',
  },
  network: {
    check: isTrustedNetwork,
    expected: 'a CIDR with a prefix of at least 8 bits (IPv6: 7), never a hop count or the whole Internet',
  },
  'url-path': {
    check: (text: string) => /^\/[A-Za-z0-9._~!$&'()*+;=:@%/-]*$/.test(text),
    expected: 'a path that begins with /',
  },
} as const satisfies Record<SettingFormat, { check: (text: string) => boolean; expected: string }>;
