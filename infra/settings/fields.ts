import Type, { type TObject, type TProperties, type TSchema } from 'typebox';

/** The kinds of fields that settings are made of: a description, what is allowed in words and as a schema, a default. */

/** One section of the settings: an object that admits no unknown key and may be left out when all of it has defaults. */
export const section = <P extends TProperties>(description: string, properties: P): TObject<P> =>
  Type.Object(properties, { description, additionalProperties: false, default: {} });
export const optional = <S extends TSchema>(schema: S) => Type.Optional(schema);
export const integer = (description: string, minimum: number, maximum: number, initial?: number) =>
  Type.Integer({ description, minimum, maximum, ...(initial === undefined ? {} : { default: initial }) });
export const flag = (description: string, initial: boolean) =>
  Type.Boolean({ description, default: initial });
export const choice = <const V extends string[]>(description: string, values: [...V], initial?: V[number]) =>
  Type.Enum(values, { description, ...(initial === undefined ? {} : { default: initial }) });
/** A string of a form that `allowed` says in words; the pattern is what is checked. */
export const text = (description: string, allowed: string, pattern: string, initial?: string) =>
  Type.String({ description, allowed, pattern, ...(initial === undefined ? {} : { default: initial }) });
export const list = <S extends TSchema>(description: string, items: S, initial?: unknown[]) =>
  Type.Array(items, {
    description,
    uniqueItems: true,
    ...(initial === undefined ? {} : { default: initial }),
  });

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const octet = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const port = '([1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])';
export const name = (description: string, initial?: string) =>
  text(description, 'a DNS label: lower-case letters, digits and -, at most 63', `^${label}$`, initial);
export const host = (description: string, initial?: string) =>
  text(description, 'a lower-case host name', `^(?=.{1,253}$)${label}(\\.${label})*$`, initial);
export const cidr = (description: string) =>
  text(
    description,
    'an IPv4 block such as 10.0.0.0/16',
    `^(${octet}\\.){3}${octet}/([0-9]|[12][0-9]|3[0-2])$`,
  );
export const httpsUrl = (description: string) =>
  text(
    description,
    'an https URL without credentials',
    `^https://${label}(\\.${label})*(:${port})?(/[^\\s@]*)?$`,
  );
export const server = (description: string) =>
  text(description, 'host:port, the port from 1 to 65535', `^${label}(\\.${label})*:${port}$`);
export const image = (description: string) =>
  text(
    description,
    'registry/name:tag or registry/name:tag@sha256:<64 hex digits>',
    '^[a-z0-9.-]+(:\\d+)?(/[a-z0-9._-]+)+:[A-Za-z0-9._-]{1,128}(@sha256:[0-9a-f]{64})?$',
  );
export const email = (description: string) =>
  text(description, 'an e-mail address', '^[^@\\s]{1,64}@[^@\\s]{1,190}$');
const identifier = (description: string) =>
  text(
    description,
    'a date such as 2026-11-01, with an optional suffix -b',
    '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])(-[a-z])?$',
  );

/** Keys of which several are accepted and one is used: what a rotation without downtime needs. */
export const ring = (description: string) =>
  section(description, {
    active: identifier('The one in use.'),
    accepted: list('All that are accepted, the active one included.', identifier('A generation.')),
  });

export const memory = (description: string, initial: number) =>
  integer(`${description}, in MiB.`, 32, 65_536, initial);
export const milliCpu = (description: string, initial: number) =>
  integer(`${description}, in thousandths of a core.`, 10, 16_000, initial);
export const gibibytes = (description: string, initial: number) =>
  integer(`${description}, in GiB.`, 1, 10_000, initial);

/** Who issues a certificate, for cert-manager. */
export const issuer = (description: string) =>
  Type.Object(
    { kind: choice('The kind of issuer.', ['Issuer', 'ClusterIssuer']), name: name('Its name.') },
    { description, additionalProperties: false },
  );
/** Where a connection may leave the cluster to. */
export const destination = {
  cidrs: list('The addresses it may be sent to.', cidr('A block.')),
  port: integer('The TCP port it is sent to.', 1, 65_535, 443),
};
