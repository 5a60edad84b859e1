import type { Static } from 'typebox';
import { serviceSettings } from '../../contract/service-settings.ts';
import {
  annotationsOf,
  choice,
  cidr,
  email,
  flag,
  host,
  image,
  integer,
  issuer,
  labelsOf,
  list,
  memory,
  milliCpu,
  name,
  object,
  optional,
  origin,
  placement,
  pods,
  ring,
  section,
  text,
} from './fields.ts';
import { catalogueRegistries, imageNames } from './images.ts';
import { limitGatewaySchema } from './schema-limit-gateway.ts';
import { alertmanager, grafana, prometheus, tracing } from './schema-observability.ts';
import { redis } from './schema-redis.ts';

const { DRAIN_SECONDS, LOG_LEVEL, SHUTDOWN_SECONDS } = serviceSettings;

const autoscaling = optional(
  object('Scale on CPU; needs metrics-server.', {
    maxReplicas: integer('The most pods.', 1, 200),
    cpuPercent: integer('The use of requested CPU to keep to.', 20, 90, 60),
  }),
);

const cluster = section('Facts of the cluster.', {
  context: optional(
    text(
      "The kubeconfig's context that means it; absent: the current one.",
      'printable characters',
      '^[!-~]{1,253}$',
    ),
  ),
  name: optional(
    name('Name of the cluster, where several run this environment: a label of metrics and alerts.'),
  ),
  region: optional(
    name('Region of the cluster, where several run this environment: a label of metrics and alerts.'),
  ),
  platform: choice(
    'Kind of cluster. It sets the addresses of DNS; on `openshift` the namespace gives pods their user ids.',
    ['generic', 'eks', 'gke', 'aks', 'openshift'],
    'generic',
  ),
  createNamespace: flag(
    'Whether this program makes the namespace; false where a platform team has made it, with its Pod Security labels.',
    true,
  ),
  podCidrs: list("The pods' addresses; the service trusts forwarded headers from them.", cidr('A block.')),
  apiServerCidrs: list(
    "The API server's addresses (`kubectl get endpoints kubernetes`, and on EKS the ClusterIP of the Service `kubernetes`); only the edge's controller may reach them.",
    cidr('A block.'),
    [],
  ),
  apiServerPort: integer("The API server's port behind its Service.", 1, 65_535, 6443),
  apiServerAccess: choice(
    'How the edge is let through to the API server: by `apiServerCidrs`, or by a CiliumNetworkPolicy for the entity `kube-apiserver`, which Cilium needs where the API server runs on nodes.',
    ['cidrs', 'cilium'],
    'cidrs',
  ),
  ipFamilies: list(
    'IP families of Services, the first one preferred; of two, Services are dual stack.',
    choice('A family.', ['IPv4', 'IPv6']),
    ['IPv4'],
  ),
  dns: optional(
    object("Where names are resolved, instead of the platform's usual addresses.", {
      namespace: name('Namespace of the DNS pods.', 'kube-system'),
      podLabels: labelsOf('Labels of the DNS pods.', { 'k8s-app': 'kube-dns' }),
      cidrs: list(
        'Addresses outside pods that answer, as of a cache on the node or a ClusterIP.',
        cidr('A block.'),
        [],
      ),
      ports: list('Ports, over UDP and TCP.', integer('A port.', 1, 65_535), [53]),
    }),
  ),
  internalCidrs: list(
    'Address blocks of the cluster itself, which may be wider than `egressPrefix` allows.',
    cidr('A block.'),
    [],
  ),
  egressPrefix: section('The widest address block that a pod may be let out to; a policy checks it.', {
    ipv4: integer('Bits of the prefix.', 8, 32, 24),
    ipv6: integer('Bits of the prefix.', 16, 128, 64),
  }),
  zones: integer(
    'Zones with nodes for this stack. From three on, servers of Redis never share a zone.',
    1,
    10,
    1,
  ),
  mesh: choice(
    'Service mesh of the namespace. `none` opts the pods out of injection; `istio` needs istio-cni, because the namespace refuses privileged init containers.',
    ['none', 'istio'],
    'none',
  ),
  scrapers: list(
    'Pods of other namespaces that may scrape every metrics port, as of a Prometheus that is there.',
    pods('Pods.'),
    [],
  ),
  logMib: integer(
    "Local disk for the logs of one container, in MiB: the kubelet's containerLogMaxSize × containerLogMaxFiles and some more.",
    16,
    4096,
    64,
  ),
  quota: section('ResourceQuota and LimitRange of the namespace.', {
    enabled: flag('Whether this program makes them.', true),
    headroomPercent: integer('Room above what the pods ask for, in percent.', 10, 500, 60),
    sidecarCpu: integer('CPU of sidecars that others add to a pod, in thousandths of a core.', 0, 4_000, 0),
    sidecarMemory: integer('Memory of sidecars that others add to a pod, in MiB.', 0, 8_192, 0),
  }),
});

const app = section('The case service.', {
  image: image("The service's image; another team's goes here too."),
  limits: choice(
    'Where rate limits are enforced: by the `service`, as the case service does; at the `edge`, where Traefik asks the limit gateway, for an image without limits; or nowhere.',
    ['edge', 'service', 'none'],
    'service',
  ),
  limitGateway: optional(limitGatewaySchema),
  replicas: integer('Pods, or the fewest when autoscaling.', 1, 200, 2),
  autoscaling,
  minAvailable: integer('Pods that a drain must leave.', 0, 199, 1),
  cpu: milliCpu('Requested CPU', 250),
  memory: memory('Memory, requested and limit', 256, 128),
  connectionsPerReplica: integer('Redis connections of one pod.', 1, 100, 4),
  logLevel: choice(
    'What is logged.',
    LOG_LEVEL.enum.filter((level) => level !== 'silent') as [
      'fatal',
      'error',
      'warn',
      'info',
      'debug',
      'trace',
    ],
    LOG_LEVEL.default,
  ),
  drainSeconds: integer(
    'Time between not ready and closing the listener.',
    DRAIN_SECONDS.minimum,
    DRAIN_SECONDS.maximum,
    DRAIN_SECONDS.default,
  ),
  shutdownSeconds: integer(
    'Time for requests in flight to end; more than drainSeconds.',
    SHUTDOWN_SECONDS.minimum,
    SHUTDOWN_SECONDS.maximum,
    SHUTDOWN_SECONDS.default,
  ),
  allowedOrigins: list('Origins that browsers may call from.', origin('An origin.'), []),
  users: list(
    'Users made at the first start; their passwords are generated, see the outputs.',
    object('A user.', {
      email: email('The login name.'),
      role: choice('The role.', ['reader', 'caseworker', 'admin']),
    }),
    [],
  ),
  ...placement,
});

const edge = section('Where clients come in.', {
  controller: choice(
    'Our own Traefik, or a Gateway API controller that is there.',
    ['traefik', 'existing'],
    'traefik',
  ),
  gatewayApi: flag(
    'Whether our Traefik reads Gateway API routes. false: it routes by its own file, and needs no Gateway API definitions, no rights in the cluster and no API server, as on AKS, GKE and OpenShift, which own the definitions.',
    true,
  ),
  host: host('The name clients call.'),
  serviceType: choice(
    'How the edge is published.',
    ['LoadBalancer', 'NodePort', 'ClusterIP'],
    'LoadBalancer',
  ),
  nodePort: optional(integer('The port of type NodePort.', 30_000, 32_767)),
  preset: choice(
    'Fills annotations and class of the Service for a platform, where they are not set here.',
    ['none', 'eks-nlb', 'gke', 'aks', 'metallb'],
    'none',
  ),
  internal: flag('Whether the load balancer of a preset has an internal address.', false),
  annotations: annotationsOf('Annotations of the Service, over those of the preset.'),
  loadBalancerClass: optional(
    text(
      'The class of the load balancer; it cannot change later.',
      'a label key such as service.k8s.aws/nlb',
      '^[a-z0-9.-]+(/[A-Za-z0-9._-]+)?$',
    ),
  ),
  loadBalancerIP: optional(
    text(
      'The fixed address: an address, or the name or id of a reserved one where the preset takes that; several with commas.',
      'an address, name or id, several with commas',
      '^[A-Za-z0-9.:_-]+(,[A-Za-z0-9.:_-]+)*$',
    ),
  ),
  loadBalancerSourceRanges: list('Addresses that the load balancer lets in.', cidr('A block.'), []),
  externalTrafficPolicy: optional(
    choice(
      "How nodes pass traffic on. `Local` keeps the client's address, which the per-address limit counts by; absent: Local, with PROXY protocol Cluster.",
      ['Local', 'Cluster'],
    ),
  ),
  proxyProtocol: section("The PROXY protocol, by which a load balancer hands on the client's address.", {
    trustedCidrs: list(
      'Addresses of the load balancer; the header of others is not believed. Empty: off.',
      cidr('A block.'),
      [],
    ),
  }),
  trustedForwarders: list(
    'Addresses of proxies before the edge whose X-Forwarded-For is believed.',
    cidr('A block.'),
    [],
  ),
  replicas: integer('Pods of our Traefik, or the fewest when autoscaling.', 1, 20, 1),
  autoscaling,
  cpu: milliCpu('Requested CPU', 100),
  memory: memory('Memory, requested and limit', 128, 64),
  requestTimeoutSeconds: integer('Time for one request, end to end.', 1, 300, 15),
  // Not below 128: probes of security-verify send 98 KiB, which the service is to answer, not the edge.
  maxBodyKib: integer(
    'Largest body of a request, which Traefik holds in memory; it answers more with 413. An existing controller has a limit of its own.',
    128,
    1_024,
    128,
  ),
  existing: optional(
    object('The controller of `existing`: its pods, or the addresses that its requests come from.', {
      gatewayClass: name('Its GatewayClass.'),
      namespace: optional(name('The namespace its pods are in; absent: any.')),
      podLabels: optional(labelsOf('Labels of its pods, for the NetworkPolicy.')),
      cidrs: list(
        'Addresses that its requests come from, where it has no pods, as with GKE and AWS.',
        cidr('A block.'),
        [],
      ),
      timeouts: flag('Whether it takes timeouts in routes.', true),
      responseHeaders: flag('Whether it takes the filter ResponseHeaderModifier.', true),
      pathRewrite: flag('Whether it takes the filter URLRewrite, which unknown hosts are answered by.', true),
      backendTls: flag('Whether it takes a BackendTLSPolicy.', true),
      caConfigMap: optional(
        name(
          'A ConfigMap of this namespace with the authority of the service as ca.crt, for controllers that read no Secret there.',
        ),
      ),
    }),
  ),
  ...placement,
});

const tls = section('Certificates.', {
  issuer: choice('Who issues: this program, or cert-manager.', ['generated', 'cert-manager'], 'generated'),
  durationHours: integer('Life of a certificate.', 24, 9528, 2160),
  renewBeforeHours: integer('Left over when it is renewed.', 1, 9000, 720),
  edgeIssuer: optional(issuer("cert-manager's issuer for the edge.")),
  internalIssuer: optional(
    issuer(
      "cert-manager's issuer for names inside the cluster; it must give ca.crt, so no ACME issuer will do.",
    ),
  ),
});

const limit = object('A change of one policy.', {
  name: text('A policy of contract/policies.ts.', 'a policy name', '^[a-z][a-z0-9-]{0,31}$'),
  quota: optional(integer('Units admitted in any window.', 1, 100_000_000)),
  windowSeconds: optional(integer('The window.', 1, 86_400)),
  mode: optional(choice('Whether it denies.', ['enforce', 'shadow'])),
});

/** The settings of one environment; `docs/settings.md` and the JSON schema for editors are made from this. */
export const settingsSchema = section(
  'Settings of one environment, in Pulumi.<stack>.yaml under `simple378:`.',
  {
    environment: choice('Which kind of environment this is; the name of the stack is free.', [
      'local',
      'dev',
      'staging',
      'prod',
    ]),
    namespace: name('The namespace that holds everything; two stacks of one cluster differ in it.'),
    imagePullPolicy: choice('When nodes pull images.', ['IfNotPresent', 'Always', 'Never'], 'IfNotPresent'),
    imagePullSecret: optional(
      name(
        'A Secret of Docker credentials that every pod pulls images with; made from the secret `simple378:registry`, the content of a `.dockerconfigjson`, or there already with `secrets.source: existing`.',
      ),
    ),
    registries: list(
      'Registries and paths that images may come from, as prefixes; a policy checks them. The catalogue images need theirs unless `images` or `registryMirror` moves them.',
      text(
        'A prefix.',
        'a registry with a path, such as registry.example/team/',
        '^[a-z0-9.-]+(:\\d+)?(/[a-z0-9._/-]*)?$',
      ),
      [...catalogueRegistries, 'registry.example/simple378/', 'ghcr.io/', 'localhost/'],
    ),
    registryMirror: optional(
      text(
        'Registry and path that stand in place of the host of every catalogue image; tags and digests stay.',
        'a registry with a path, such as mirror.example/hub',
        '^[a-z0-9.-]+(:\\d+)?(/[a-z0-9._-]+)*$',
      ),
    ),
    images: section(
      'Images other than those of the catalogue, for mirrors.',
      Object.fromEntries(
        imageNames.map((key) => [key, optional(image(`Instead of the catalogue's ${key}.`))]),
      ) as Record<(typeof imageNames)[number], ReturnType<typeof optional<ReturnType<typeof image>>>>,
    ),
    transform: optional(
      text(
        'A TypeScript or JavaScript module, by its path below the repository, whose default export changes manifests: `(manifest, settings) => manifest`. Rendering and policies see the result.',
        'a path such as overrides/acme.ts',
        '^[A-Za-z0-9_][A-Za-z0-9._/-]*\\.(ts|js|mjs|cjs)$',
      ),
    ),
    cluster,
    app,
    limits: list('Changes to the rate-limit policies, by name; not with `app.limits: none`.', limit, []),
    redis,
    edge,
    tls,
    prometheus,
    alertmanager,
    grafana,
    tracing,
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
      encryptedClasses: list(
        'Other StorageClasses that encrypt; a policy checks the class of every volume in production.',
        name('A StorageClass.'),
        [],
      ),
    }),
  },
);

/** Valid settings of one environment, defaults filled in. */
export type Settings = Static<typeof settingsSchema>;
