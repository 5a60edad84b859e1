import Type, { type Static } from 'typebox';
import {
  choice,
  cidr,
  destination,
  email,
  flag,
  gibibytes,
  host,
  httpsUrl,
  image,
  integer,
  issuer,
  list,
  memory,
  milliCpu,
  name,
  optional,
  ring,
  section,
  server,
  text,
} from './fields.ts';
import { imageNames } from './images.ts';

/** The settings of one environment; `docs/settings.md` and the JSON schema for editors are made from this. */
export const settingsSchema = section(
  'Settings of one environment, in Pulumi.<env>.yaml under `simple378:`.',
  {
    environment: choice('Which kind of environment this is.', ['local', 'dev', 'staging', 'prod']),
    namespace: name('The namespace that holds everything; two stacks of one cluster differ in it.'),
    imagePullPolicy: choice('When nodes pull images.', ['IfNotPresent', 'Always', 'Never'], 'IfNotPresent'),
    imagePullSecret: optional(
      name(
        'A Secret of Docker credentials that every pod pulls images with; made from the secret `simple378:registry`, the content of a `.dockerconfigjson`, or there already with `secrets.source: existing`.',
      ),
    ),
    images: section(
      'Images other than those of the catalogue, for mirrors.',
      Object.fromEntries(
        imageNames.map((key) => [key, optional(image(`Instead of the catalogue's ${key}.`))]),
      ) as Record<(typeof imageNames)[number], ReturnType<typeof optional<ReturnType<typeof image>>>>,
    ),
    cluster: section('What the cluster gives.', {
      context: optional(
        text(
          "The kubeconfig's context that means it; absent: the current one.",
          'printable characters',
          '^[!-~]{1,253}$',
        ),
      ),
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
          name: text('A policy of contract/policies.ts.', 'a policy name', '^[a-z][a-z0-9-]{0,31}$'),
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
              'Where it is; of a Cluster, some nodes, with every port that a node of it has: the service reaches no other.',
              server('A server.'),
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
      // Not below 128: probes of security-verify send 98 KiB, which the service is to answer, not the edge.
      maxBodyKib: integer(
        'Largest body of a request, which Traefik holds in memory; it answers more with 413. An existing controller has a limit of its own.',
        128,
        1_024,
        128,
      ),
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
        'Who is told, and how.',
        Type.Object(
          {
            name: name('Its name.'),
            severity: choice('Which alerts it gets.', ['critical', 'warning', 'heartbeat']),
            kind: choice(
              'The secret `simple378:receiver-<name>` is the URL of a webhook or of Slack, and the password for e-mail.',
              ['webhook', 'slack', 'email'],
              'webhook',
            ),
            channel: optional(
              text("Slack: another channel than the URL's own.", '# and a name', '^#[a-z0-9_-]{1,79}$'),
            ),
            mail: optional(
              Type.Object(
                {
                  to: email('To whom.'),
                  from: email('From whom.'),
                  server: host('Who takes it, with STARTTLS; `cidrs` and `port` are its.'),
                  username: text('Who logs in there.', 'printable characters', '^[!-~]{1,200}$'),
                },
                { description: 'What `email` needs.', additionalProperties: false },
              ),
            ),
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
            authUrl: optional(httpsUrl('Where browsers log in; absent: `<issuer>/authorize`.')),
            tokenUrl: optional(httpsUrl('Where Grafana gets tokens; absent: `<issuer>/token`.')),
            userinfoUrl: optional(httpsUrl('Where it asks who somebody is; absent: `<issuer>/userinfo`.')),
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
