import Type, { type Static, type TObject, type TProperties, type TSchema } from 'typebox';

/** The kinds of fields that settings are made of: a description, what is allowed in words and as a schema, a default. */

/** One section of the settings: an object that admits no unknown key and may be left out when all of it has defaults. */
export const section = <P extends TProperties>(description: string, properties: P): TObject<P> =>
  Type.Object(properties, { description, additionalProperties: false, default: {} });
/** An object that admits no unknown key and has no default. */
export const object = <P extends TProperties>(description: string, properties: P): TObject<P> =>
  Type.Object(properties, { description, additionalProperties: false });
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
const labelValue = '[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?';
const qualified = `(${label}(\\.${label})*/)?${labelValue}`;
const octet = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const ipv4 = `(${octet}\\.){3}${octet}`;
const ipv6 =
  '(?!:[^:])(?![^/\\]]*[^:]:[/\\]])(?![^/\\]]*::[^/\\]]*::)(?:(?:[0-9a-fA-F]{1,4}:){7}[0-9a-fA-F]{1,4}|(?=[^/\\]]*::)(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{0,4})';
const port = '([1-9]\\d{0,3}|[1-5]\\d{4}|6[0-4]\\d{3}|65[0-4]\\d{2}|655[0-2]\\d|6553[0-5])';
const hostName = `${label}(\\.${label})*`;
export const name = (description: string, initial?: string) =>
  text(description, 'a DNS label: lower-case letters, digits and -, at most 63', `^${label}$`, initial);
export const host = (description: string, initial?: string) =>
  text(description, 'a lower-case host name', `^(?=.{1,253}$)${hostName}$`, initial);
export const cidr = (description: string) =>
  text(
    description,
    'an address block such as 10.0.0.0/16 or fd00:10::/48',
    `^(${ipv4}/([0-9]|[12][0-9]|3[0-2])|${ipv6}/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8]))$`,
  );
export const httpsUrl = (description: string) =>
  text(
    description,
    'an https URL without credentials',
    `^https://(${hostName}|\\[${ipv6}\\])(:${port})?(/[^\\s@]*)?$`,
  );
export const origin = (description: string) =>
  text(
    description,
    'an https origin as browsers send it, without a path, such as https://app.example',
    `^https://(${hostName}|\\[${ipv6}\\])(:${port})?$`,
  );
export const server = (description: string) =>
  text(
    description,
    'host:port, the port from 1 to 65535, an IPv6 address in brackets',
    `^(${hostName}|\\[${ipv6}\\]):${port}$`,
  );
export const image = (description: string) =>
  text(
    description,
    'registry/name:tag or registry/name:tag@sha256:<64 hex digits>',
    '^[a-z0-9.-]+(:\\d+)?(/[a-z0-9._-]+)+:[A-Za-z0-9._-]{1,128}(@sha256:[0-9a-f]{64})?$',
  );
export const email = (description: string) =>
  text(description, 'an e-mail address', '^[^@\\s]{1,64}@[^@\\s]{1,190}$');
export const printable = (description: string) =>
  text(description, 'at most 200 printable ASCII characters', '^[!-~]{1,200}$');
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

export const memory = (description: string, initial: number, minimum = 32) =>
  integer(`${description}, in MiB.`, minimum, 65_536, initial);
export const milliCpu = (description: string, initial: number) =>
  integer(`${description}, in thousandths of a core.`, 10, 16_000, initial);
export const gibibytes = (description: string, initial: number) =>
  integer(`${description}, in GiB.`, 1, 10_000, initial);

const record = (description: string, value: TSchema, options: object) =>
  Type.Record(Type.String(), value as ReturnType<typeof Type.String>, {
    description,
    allowed: 'a set of keys such as example.com/name with their values',
    propertyNames: { pattern: `^${qualified}$` },
    ...options,
  });
const labelText = Type.String({
  allowed: 'a label value: at most 63 letters, digits, -, _ and .',
  pattern: `^(${labelValue})?$`,
});
/** Labels of Kubernetes, by key. */
export const labelsOf = (description: string, initial?: Readonly<Record<string, string>>) =>
  record(description, labelText, initial ? { default: initial } : { minProperties: 1 });
/** Annotations of Kubernetes, by key. */
export const annotationsOf = (description: string) =>
  record(description, Type.String({ allowed: 'text', pattern: '^[^\\x00]*$' }), { default: {} });

/** Pods of another namespace. */
export const pods = (description: string) =>
  object(description, { namespace: name('Their namespace.'), podLabels: labelsOf('Their labels.') });

/** Who issues a certificate, for cert-manager. */
export const issuer = (description: string) =>
  object(description, {
    kind: choice('The kind of issuer.', ['Issuer', 'ClusterIssuer']),
    name: name('Its name.'),
  });
/** Where a connection may leave the cluster to. */
export const destination = {
  cidrs: list('The addresses it may be sent to.', cidr('A block.')),
  port: integer('The TCP port it is sent to.', 1, 65_535, 443),
};

const quantity = (description: string) =>
  text(
    description,
    'a quantity such as 250m, 512Mi or 2Gi',
    '^(0|[1-9]\\d*)(\\.\\d{1,3})?(m|k|Ki|M|Mi|G|Gi|T|Ti)?$',
  );
const quantities = (description: string) =>
  optional(
    object(description, {
      cpu: optional(quantity('CPU.')),
      memory: optional(quantity('Memory.')),
      'ephemeral-storage': optional(quantity('Local disk: logs and temporary files.')),
    }),
  );

/** Size and placement of a component's pods; every component has them. */
export const placement = {
  resources: optional(
    object('Requests and limits of the main container, instead of the computed ones, resource by resource.', {
      requests: quantities('Requests.'),
      limits: quantities('Limits.'),
    }),
  ),
  nodeSelector: labelsOf('Labels of the nodes that the pods may run on.', {}),
  tolerations: list(
    'Taints that the pods tolerate.',
    object('A toleration, as in a pod.', {
      key: optional(text('The key of the taint.', 'a label key', `^${qualified}$`)),
      operator: choice('How the value is compared.', ['Equal', 'Exists'], 'Equal'),
      value: optional(labelText),
      effect: optional(choice('The effect; absent: all.', ['NoSchedule', 'PreferNoSchedule', 'NoExecute'])),
      tolerationSeconds: optional(integer('Seconds that a NoExecute taint is tolerated.', 0, 86_400)),
    }),
    [],
  ),
  priorityClass: optional(name('The PriorityClass of the pods.')),
  topologySpread: list(
    'How replicas spread, instead of the default over nodes and zones.',
    object('A constraint; it selects the pods of the component.', {
      topologyKey: text('The label of nodes to spread over.', 'a label key', `^${qualified}$`),
      maxSkew: integer('How uneven it may be.', 1, 100, 1),
      whenUnsatisfiable: choice(
        'What happens where it cannot be met.',
        ['ScheduleAnyway', 'DoNotSchedule'],
        'ScheduleAnyway',
      ),
    }),
    [],
  ),
  podLabels: labelsOf('Labels added to the pods.', {}),
  podAnnotations: annotationsOf('Annotations added to the pods.'),
  serviceAccountAnnotations: annotationsOf(
    'Annotations of the ServiceAccount, as for an identity at a cloud.',
  ),
};

/** Size and placement of one component's pods. */
export type Placement = Partial<Pick<AllPlacement, 'priorityClass'>> &
  Omit<AllPlacement, 'priorityClass' | 'resources'> & {
    readonly resources?: AllPlacement['resources'] | undefined;
  };
type AllPlacement = Static<TObject<typeof placement>>;
