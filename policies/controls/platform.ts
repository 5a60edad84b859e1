import type { Control } from './types.ts';

/** What the stack around the service holds, and what its operators must. */

export const platformControls: readonly Control[] = [
  {
    id: 'POD-1',
    title: 'Processes run without root, privileges, capabilities or a writable root',
    why: 'A bug in a program stays a bug in that program.',
    severity: 'critical',
    references: [
      'PSS restricted',
      'CIS 5.2.2',
      'CIS 5.2.6',
      'CIS 5.2.7',
      'CIS 5.2.8',
      'C-0013',
      'C-0016',
      'NSA',
    ],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'policies/rules/rules.test.ts', name: 'the compliant stack breaks no rule' }],
      rules: [
        'pod-runs-as-non-root',
        'container-no-privilege-escalation',
        'container-drops-capabilities',
        'pod-seccomp-profile',
        'container-read-only-root',
        'namespace-pod-security',
      ],
    },
  },
  {
    id: 'POD-2',
    title: 'Pods have no part of their node',
    why: 'The node has every pod’s secrets.',
    severity: 'critical',
    references: ['PSS restricted', 'CIS 5.2.3', 'CIS 5.2.12', 'C-0038', 'C-0048', 'NSA'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'policies/rules/rules.test.ts', name: 'an unknown value is a violation' }],
      rules: ['pod-no-host-access', 'pod-volume-kinds', 'pod-no-probe-host'],
    },
  },
  {
    id: 'POD-3',
    title: 'Pods hold no right in the cluster that they do not need',
    why: 'A token in a pod is the pod’s whole account.',
    severity: 'high',
    references: ['CIS 5.1.1', 'CIS 5.1.2', 'CIS 5.1.3', 'CIS 5.1.5', 'CIS 5.1.6', 'C-0034', 'C-0186', 'NSA'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'policies/rules/rules.test.ts', name: 'an unknown value is a violation' }],
      rules: [
        'pod-own-service-account',
        'pod-no-api-token',
        'rbac-no-wildcards',
        'rbac-no-escalation',
        'rbac-secrets-named',
        'rbac-no-broad-binding',
      ],
    },
  },
  {
    id: 'POD-4',
    title: 'Every workload is bounded, and so is its namespace',
    why: 'One runaway takes all others with it.',
    severity: 'medium',
    references: ['API4', 'CIS 5.7.1', 'C-0270', 'C-0271', 'NSA'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'infra/components/workloads.test.ts', name: 'the quota admits what is there' }],
      rules: ['container-resources', 'namespace-bounded', 'job-bounded', 'object-in-own-namespace'],
    },
  },
  {
    id: 'POD-5',
    title: 'Replicas survive the loss of a node, a drain and a rollout',
    why: 'Availability is a security property: an attacker only needs the next deployment.',
    severity: 'medium',
    references: ['kube-score', 'kube-linter', 'polaris'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'infra/components/workloads.test.ts', name: 'has a budget that a drain gets past' }],
      rules: [
        'pdb-present',
        'pdb-leaves-room',
        'hpa-owns-replicas',
        'case-service-replicas',
        'pod-topology-spread',
        'container-probes',
        'pod-drains-before-end',
        'workload-selector-matches',
        'no-bare-pod',
      ],
    },
  },
  {
    id: 'IMG-1',
    title: 'Images are named by digest and come from agreed registries',
    why: 'What was reviewed is what runs.',
    severity: 'high',
    references: ['ASVS 15.2.4', 'C-0078', 'CKV_K8S_43', 'SLSA'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'policies/rules/rules.test.ts', name: 'an unknown value is a violation' }],
      rules: ['image-pinned-by-digest', 'image-tag-fixed', 'image-registry-allowed'],
    },
  },
  {
    id: 'SEC-1',
    title: 'Secrets reach programs as private files: not the environment, arguments or ConfigMaps',
    why: 'Everything else is copied, logged, inherited or shown.',
    severity: 'critical',
    references: ['ASVS 13.3.1', 'CIS 5.4.1', 'C-0012', 'C-0207', 'CKV_K8S_35', 'NSA'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'infra/program.test.ts', name: 'keeps secrets in Secrets' }],
      rules: [
        'secrets-only-as-files',
        'secret-not-on-command-line',
        'secret-files-private',
        'configmap-holds-no-secret',
      ],
    },
  },
  {
    id: 'SEC-2',
    title: 'No default and no weak secret',
    why: 'Defaults are tried first.',
    severity: 'critical',
    references: ['ASVS 6.3.2', 'ASVS 11.5.1', 'ASVS 13.2.3', 'API8'],
    holder: 'proven',
    proofs: {
      tests: [
        { file: 'app/settings/settings.test.ts', name: 'are all reported at once when they are missing' },
      ],
      rules: ['secret-text-is-managed', 'generated-secret-strength'],
    },
  },
  {
    id: 'NET-1',
    title: 'Only declared connections are possible, by name and port, and none to the internet',
    why: 'An intruder in one pod finds no way on.',
    severity: 'critical',
    references: ['CIS 5.3.2', 'C-0030', 'C-0054', 'C-0260', 'API7', 'ASVS 13.2.4', 'NSA'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'infra/network/network.test.ts', name: 'every other pair is denied' }],
      rules: [
        'network-default-deny',
        'network-policy-names-peers-and-ports',
        'network-no-internet',
        'network-dns-explicit',
        'network-policy-selects-pods',
      ],
    },
  },
  {
    id: 'NET-2',
    title: 'Names lead where they say: Services and routes to pods and ports of the stack',
    why: 'A dangling name can be taken over.',
    severity: 'medium',
    references: ['C-0256', 'kube-linter dangling-service'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'infra/components/workloads.test.ts', name: 'every Service finds pods' }],
      rules: [
        'service-selects-pods',
        'service-cluster-internal',
        'statefulset-has-service',
        'route-backend-exists',
        'recommended-labels',
      ],
    },
  },
  {
    id: 'EDG-1',
    title: 'The edge takes routes of its own namespace only, on encrypted listeners, without ingress-nginx',
    why: 'The edge is what everybody reaches.',
    severity: 'high',
    references: ['ASVS 12.2.1', 'C-0292', 'API8', 'API9'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'policies/rules/rules.test.ts', name: 'the compliant stack breaks no rule' }],
      rules: [
        'gateway-tls-only',
        'gateway-own-namespace-routes',
        'route-on-tls-listener',
        'no-ingress-nginx',
      ],
    },
  },
  {
    id: 'RED-1',
    title: 'Redis speaks TLS only, to named users with their own commands and keys',
    why: 'It holds every case and every limit.',
    severity: 'critical',
    references: ['ASVS 12.3.1', 'ASVS 13.2.2', 'API8'],
    holder: 'proven',
    proofs: {
      tests: [
        {
          file: 'app/auth/routes.test.ts',
          name: 'Redis lets the two roles touch nothing but their own keys',
        },
      ],
      rules: ['redis-tls-only', 'redis-acl', 'redis-users-least'],
    },
  },
  {
    id: 'RED-2',
    title: 'Acknowledged data outlives a restart, is never evicted, and fails over by majority',
    why: 'An evicted counter is a fresh quota; an evicted case is lost.',
    severity: 'high',
    references: ['ASVS 14.2.4', 'API4'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'infra/program.test.ts', name: 'protects what holds data in prod' }],
      rules: ['redis-persistent', 'redis-no-eviction', 'sentinel-quorum', 'data-protected'],
    },
  },
  {
    id: 'RST-1',
    title: 'Case text is encrypted by the service, and volumes by the storage',
    why: 'A disk, a snapshot or a backup that leaves the house can be read.',
    severity: 'high',
    references: ['ASVS 11.3.2', 'ASVS 11.3.3', 'ASVS 11.3.4', 'ASVS 14.2.4', 'C-0264'],
    holder: 'proven',
    proofs: {
      guards: [{ file: 'app/cases/crypto.ts', text: 'aes-256-gcm' }],
      tests: [{ file: 'test/security/canary.test.ts', name: 'no case text and no usable token on disk' }],
      rules: ['storage-encrypted', 'storage-class-encrypts'],
    },
  },
  {
    id: 'OBS-1',
    title: 'Monitoring is closed, encrypted, keeps what objectives need, and each alert says what to do',
    why: 'What watches must not be what betrays.',
    severity: 'medium',
    references: ['ASVS 16.3.4', 'ASVS 12.3.1', 'API8'],
    holder: 'proven',
    proofs: {
      tests: [{ file: 'policies/rules/rules.test.ts', name: 'an unknown value is a violation' }],
      rules: ['grafana-hardened', 'alert-has-runbook', 'prometheus-scrapes-tls', 'prometheus-hardened'],
    },
  },
  ...operator([
    [
      'OPS-1',
      'Kubernetes Secrets are encrypted at rest in etcd by a KMS',
      'A copy of etcd is a copy of every Secret.',
      ['CIS 1.2.27', 'C-0066', 'ASVS 11.3.2'],
    ],
    [
      'OPS-2',
      'The API server keeps an audit log and refuses anonymous requests',
      'Who did it cannot be known later.',
      ['CIS 1.2.1', 'CIS 3.2.1', 'C-0067', 'NSA'],
    ],
    [
      'OPS-3',
      'Kubelets require authentication and authorisation',
      'Port 10250 runs commands in pods.',
      ['CIS 4.2.1', 'CIS 4.2.2', 'C-0069', 'NSA'],
    ],
    [
      'OPS-4',
      'The network plug-in enforces NetworkPolicies',
      'Without it a policy is a document; npx simple378 env probe-network says so.',
      ['C-0260', 'NSA'],
    ],
    [
      'OPS-5',
      'Nodes, runtime and control plane are patched',
      'A container escape needs one old kernel.',
      ['NSA', 'ASVS 15.2.1'],
    ],
    [
      'OPS-6',
      'The state of the stack and its passphrase are kept where few can read them',
      'The state holds every generated secret, encrypted by that passphrase.',
      ['ASVS 13.3.2'],
    ],
    [
      'OPS-7',
      'Images are scanned and signatures verified at admission',
      'The pack pins digests; it cannot know what is in them.',
      ['C-0078', 'ASVS 15.2.1'],
    ],
  ]),
];

type Row = readonly [id: string, title: string, why: string, references: readonly string[]];

function operator(rows: readonly Row[]): readonly Control[] {
  return rows.map(([id, title, why, references]) => ({
    id,
    title,
    why,
    severity: 'high',
    references,
    holder: 'operator',
    proofs: {},
  }));
}
