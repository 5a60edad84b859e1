import Type, { type Static, type TObject, type TProperties, type TSchema } from 'typebox';
import { imageNames } from '../images.ts';

/** One section of the settings: an object that admits no unknown key and may be left out when all of it has defaults. */
const section = <P extends TProperties>(description: string, properties: P): TObject<P> =>
  Type.Object(properties, { description, additionalProperties: false, default: {} });
const optional = <S extends TSchema>(schema: S) => Type.Optional(schema);
const integer = (description: string, minimum: number, maximum: number, initial?: number) =>
  Type.Integer({ description, minimum, maximum, ...(initial === undefined ? {} : { default: initial }) });
const flag = (description: string, initial: boolean) => Type.Boolean({ description, default: initial });
const choice = <const V extends string[]>(description: string, values: [...V], initial?: V[number]) =>
  Type.Enum(values, { description, ...(initial === undefined ? {} : { default: initial }) });
/** A string of a form that `allowed` says in words; the pattern is what is checked. */
const text = (description: string, allowed: string, pattern: string, initial?: string) =>
  Type.String({ description, allowed, pattern, ...(initial === undefined ? {} : { default: initial }) });
const list = <S extends TSchema>(description: string, items: S, initial?: unknown[]) =>
  Type.Array(items, {
    description,
    uniqueItems: true,
    ...(initial === undefined ? {} : { default: initial }),
  });

const label = '[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?';
const octet = '(25[0-5]|2[0-4]\\d|1?\\d?\\d)';
const name = (description: string, initial?: string) =>
  text(description, 'a DNS label: lower-case letters, digits and -, at most 63', `^${label}$`, initial);
const host = (description: string, initial?: string) =>
  text(description, 'a lower-case host name', `^(?=.{1,253}$)${label}(\\.${label})*$`, initial);
const cidr = (description: string) =>
  text(
    description,
    'an IPv4 block such as 10.0.0.0/16',
    `^(${octet}\\.){3}${octet}/([0-9]|[12][0-9]|3[0-2])$`,
  );
const httpsUrl = (description: string) =>
  text(
    description,
    'an https URL without credentials',
    `^https://${label}(\\.${label})*(:\\d{1,5})?(/[^\\s@]*)?$`,
  );
const image = (description: string) =>
  text(
    description,
    'registry/name:tag or registry/name:tag@sha256:<64 hex digits>',
    '^[a-z0-9.-]+(:\\d+)?(/[a-z0-9._-]+)+:[A-Za-z0-9._-]{1,128}(@sha256:[0-9a-f]{64})?$',
  );
const email = (description: string) =>
  text(description, 'an e-mail address', '^[^@\\s]{1,64}@[^@\\s]{1,190}$');
const identifier = (description: string) =>
  text(
    description,
    'a date such as 2026-11-01, with an optional suffix -b',
    '^\\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])(-[a-z])?$',
  );

/** Keys of which several are accepted and one is used: what a rotation without downtime needs. */
const ring = (description: string) =>
  section(description, {
    active: identifier('The one in use.'),
    accepted: list('All that are accepted, the active one included.', identifier('A generation.')),
  });

const memory = (description: string, initial: number) =>
  integer(`${description}, in MiB.`, 32, 65_536, initial);
const milliCpu = (description: string, initial: number) =>
  integer(`${description}, in thousandths of a core.`, 10, 16_000, initial);
const gibibytes = (description: string, initial: number) =>
  integer(`${description}, in GiB.`, 1, 10_000, initial);

/** Who issues a certificate, for cert-manager. */
const issuer = (description: string) =>
  Type.Object(
    { kind: choice('The kind of issuer.', ['Issuer', 'ClusterIssuer']), name: name('Its name.') },
    { description, additionalProperties: false },
  );
/** Where a connection may leave the cluster to. */
const destination = {
  cidrs: list('The addresses it may be sent to.', cidr('A block.')),
  port: integer('The TCP port it is sent to.', 1, 65_535, 443),
};

/** The settings of one environment; `docs/settings.md` and the JSON schema for editors are made from this. */
export const settingsSchema = section(
  'Settings of one environment, in Pulumi.<env>.yaml under `simple378:`.',
  {
    environment: choice('Which kind of environment this is.', ['local', 'dev', 'staging', 'prod']),
    namespace: name('The namespace that holds everything; two stacks of one cluster differ in it.'),
    imagePullPolicy: choice('When nodes pull images.', ['IfNotPresent', 'Always', 'Never'], 'IfNotPresent'),
    images: section(
      'Images other than those of the catalogue, for mirrors.',
      Object.fromEntries(
        imageNames.map((key) => [key, optional(image(`Instead of the catalogue's ${key}.`))]),
      ) as Record<(typeof imageNames)[number], ReturnType<typeof optional<ReturnType<typeof image>>>>,
    ),
    cluster: section('What the cluster gives.', {
      podCidrs: list(
        "The pods' addresses; the service trusts forwarded headers from them.",
        cidr('A block.'),
      ),
      apiServerCidrs: list(
        "The API server's addresses (`kubectl get endpoints kubernetes`); only the edge's controller may reach them.",
        cidr('A block.'),
      ),
      apiServerPort: integer("The API server's port behind its Service.", 1, 65_535, 6443),
    }),
    app: section('The case service.', {
      image: image("The service's image; another team's goes here too."),
      replicas: integer('Pods, or the fewest when autoscaling.', 1, 200, 2),
      autoscaling: optional(
        Type.Object(
          {
            maxReplicas: integer('The most pods.', 1, 200),
            cpuPercent: integer('The use of requested CPU to keep to.', 20, 90, 60),
          },
          { description: 'Scale on CPU; needs metrics-server.', additionalProperties: false },
        ),
      ),
      minAvailable: integer('Pods that a drain must leave.', 0, 199, 1),
      cpu: milliCpu('Requested CPU', 250),
      memory: memory('Memory, requested and limit', 256),
      connectionsPerReplica: integer('Redis connections of one pod.', 1, 100, 4),
      logLevel: choice('What is logged.', ['fatal', 'error', 'warn', 'info', 'debug', 'trace'], 'info'),
      drainSeconds: integer('Time between not ready and closing the listener.', 1, 60, 5),
      shutdownSeconds: integer('Time for requests in flight to end.', 1, 300, 20),
      allowedOrigins: list('Origins that browsers may call from.', httpsUrl('An origin.'), []),
      users: list(
        'Users made at the first start; their passwords are generated, see the outputs.',
        Type.Object(
          {
            email: email('The login name.'),
            role: choice('The role.', ['reader', 'caseworker', 'admin']),
          },
          { description: 'A user.', additionalProperties: false },
        ),
        [],
      ),
    }),
    limits: list(
      'Changes to the rate-limit policies of the service, by name.',
      Type.Object(
        {
          name: text('A policy of app/src/limiter/policies.ts.', 'a policy name', '^[a-z][a-z0-9-]{0,31}$'),
          quota: optional(integer('Units admitted in any window.', 1, 100_000_000)),
          windowSeconds: optional(integer('The window.', 1, 86_400)),
          mode: optional(choice('Whether it denies.', ['enforce', 'shadow'])),
        },
        { description: 'A change of one policy.', additionalProperties: false },
      ),
      [],
    ),
    redis: section('The store of cases and limits.', {
      mode: choice(
        'One server, three with Sentinel, or one that somebody else runs.',
        ['single', 'sentinel', 'external'],
        'single',
      ),
      maxmemory: memory('Memory for data (`maxmemory`)', 128),
      maxclients: integer('Connections it accepts (`maxclients`).', 50, 60_000, 1000),
      storage: gibibytes('Volume of each server', 2),
      downAfterMilliseconds: integer('Silence after which Sentinel calls a primary down.', 500, 60_000, 1500),
      backup: section('Copies on a second volume.', {
        enabled: flag('Whether they are taken.', true),
        schedule: text(
          "When, in cron's form.",
          'five cron fields such as 15 * * * *',
          '^([\\d*,/-]+ ){4}[\\d*,/-]+$',
          '15 * * * *',
        ),
        keep: integer('How many are kept.', 1, 1000, 24),
        maxAgeHours: integer('Age of the newest that raises an alert.', 1, 720, 3),
        storage: gibibytes('Their volume', 5),
      }),
      external: optional(
        Type.Object(
          {
            servers: list(
              'Where it is.',
              text('A server.', 'host:port', `^${label}(\\.${label})*:\\d{1,5}$`),
            ),
            cluster: flag('Whether it is a Redis Cluster.', false),
            cidrs: destination.cidrs,
          },
          { description: 'The server of mode `external`.', additionalProperties: false },
        ),
      ),
    }),
    edge: section('Where clients come in.', {
      controller: choice(
        'Our own Traefik, or a Gateway API controller that is there.',
        ['traefik', 'existing'],
        'traefik',
      ),
      host: host('The name clients call.'),
      serviceType: choice(
        'How the edge is published.',
        ['LoadBalancer', 'NodePort', 'ClusterIP'],
        'LoadBalancer',
      ),
      nodePort: optional(integer('The port of type NodePort.', 30_000, 32_767)),
      replicas: integer('Pods of our Traefik.', 1, 20, 1),
      requestTimeoutSeconds: integer('Time for one request, end to end.', 1, 300, 15),
      existing: optional(
        Type.Object(
          {
            gatewayClass: name('Its GatewayClass.'),
            namespace: name('The namespace its pods are in.'),
            podLabels: Type.Record(Type.String(), Type.String(), {
              description: 'Labels of its pods, for the NetworkPolicy.',
              minProperties: 1,
            }),
          },
          { description: 'The controller of `existing`.', additionalProperties: false },
        ),
      ),
    }),
    tls: section('Certificates.', {
      issuer: choice(
        'Who issues: this program, or cert-manager.',
        ['generated', 'cert-manager'],
        'generated',
      ),
      durationHours: integer('Life of a certificate.', 24, 9528, 2160),
      renewBeforeHours: integer('Left over when it is renewed.', 1, 9000, 720),
      edgeIssuer: optional(issuer("cert-manager's issuer for the edge.")),
      internalIssuer: optional(
        issuer("cert-manager's issuer for names inside the cluster; it must give ca.crt."),
      ),
    }),
    prometheus: section('Metrics.', {
      retentionDays: integer('Days that samples are kept.', 1, 1000, 35),
      storage: gibibytes('Its volume', 10),
      memory: memory('Memory, requested and limit', 512),
      scrapeIntervalSeconds: integer('Between two scrapes.', 5, 120, 15),
    }),
    alertmanager: section('Who hears of alerts.', {
      receivers: list(
        'Webhooks; the URL is the secret `simple378:receiver-<name>`.',
        Type.Object(
          {
            name: name('Its name.'),
            severity: choice('Which alerts it gets.', ['critical', 'warning', 'heartbeat']),
            ...destination,
          },
          { description: 'A receiver.', additionalProperties: false },
        ),
        [],
      ),
      runbooksUrl: optional(
        httpsUrl(
          'Where `docs/runbooks` is shown, as a repository does: alerts link there. Absent, they name the file in this repository.',
        ),
      ),
    }),
    grafana: section('Dashboards.', {
      mode: choice(
        'Our own, with files, or one that is there, by its API.',
        ['provisioned', 'external'],
        'provisioned',
      ),
      url: optional(
        httpsUrl(
          'Where browsers reach it: alerts link there. Mode `external` needs it, and the token as the secret `simple378:grafana-token`; absent, it is localhost by `kubectl port-forward`.',
        ),
      ),
      prometheusUrl: optional(httpsUrl('Where the Grafana of mode `external` reaches Prometheus.')),
      storage: gibibytes('Its volume', 1),
      oidc: optional(
        Type.Object(
          {
            issuer: httpsUrl('The identity provider.'),
            clientId: text(
              'Our client; its secret is `simple378:grafana-oidc-secret`.',
              'printable characters',
              '^[!-~]{1,200}$',
            ),
            adminGroup: text('The group whose members administer.', 'printable characters', '^[!-~]{1,200}$'),
            ...destination,
          },
          { description: 'Login by OpenID Connect.', additionalProperties: false },
        ),
      ),
    }),
    tracing: section('Traces.', {
      enabled: flag('Whether a collector and a trace store run.', false),
      sampleRatio: Type.Number({
        description: 'Share of requests traced.',
        minimum: 0,
        maximum: 1,
        default: 0.1,
      }),
      storage: gibibytes("The trace store's volume", 5),
      retentionHours: integer('Hours that traces are kept.', 1, 720, 72),
      external: optional(
        Type.Object(
          { endpoint: httpsUrl('Its OTLP/HTTP endpoint.'), ...destination },
          {
            description: 'A trace store that is there already, instead of our own.',
            additionalProperties: false,
          },
        ),
      ),
    }),
    logs: section('Logs.', {
      urlTemplate: optional(
        text(
          'Where dashboards link to.',
          'an https URL that contains {trace_id} or {service}',
          '^https://\\S*\\{(trace_id|service)\\}\\S*$',
        ),
      ),
    }),
    secrets: section('Secrets.', {
      source: choice(
        'Made by this program, or Secrets that something else keeps.',
        ['config', 'existing'],
        'config',
      ),
      tokenKeys: ring('Signing keys of access tokens.'),
      dataKeys: ring('Encryption keys of case text.'),
      redisPasswords: ring("Generations of the Redis users' passwords."),
    }),
    storage: section('Volumes.', {
      className: optional(name("The StorageClass; absent: the cluster's default.")),
      encrypted: flag('Whether that class encrypts, as you have checked.', false),
    }),
  },
);

/** Valid settings of one environment, defaults filled in. */
export type Settings = Static<typeof settingsSchema>;
