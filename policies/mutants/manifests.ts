import { controls } from '../controls.ts';
import { evaluate } from '../engine/evaluate.ts';
import { isKind, isWorkload } from '../engine/kubernetes.ts';
import type { Resource, Rule } from '../engine/types.ts';
import { environmentConfig } from '../environments.ts';
import { broken } from '../fixtures/broken.ts';
import { type Break, changeStack } from '../fixtures/change.ts';
import type { RuleName } from '../rules/index.ts';
import { rules } from '../rules/index.ts';
import { waivers } from '../waivers.ts';
import type { Mutant } from './types.ts';

/**
 * Static mutants: the real program's production stack, with one thing broken. Each must bring a mandatory finding
 * that the whole stack does not have. Where the program has no such object, the compliant fixture stands in.
 */
export function manifestMutants(
  production: readonly Resource[],
  fixture: readonly Resource[],
): readonly Mutant[] {
  return [
    ...Object.entries(programBreaks).map(([name, { control, breaks }]) => ({
      name: `program: ${name}`,
      control,
      kill: async () => killer(production, breaks(production), claimedBy(control)),
    })),
    ...Object.entries(broken).flatMap(([rule, { fails }]) =>
      fails.map(([what, , ...changes]) => ({
        name: `rule ${rule}: ${what}`,
        control: controlOf(rule as RuleName),
        kill: async () =>
          killer(
            fixture,
            changeStack(fixture, changes as Break[]),
            rules.filter(({ name }) => name === rule),
          ),
      })),
    ),
  ];
}

/** The first mandatory finding that the broken stack has and the whole one has not. */
function killer(
  whole: readonly Resource[],
  changed: readonly Resource[],
  judged: readonly Rule[],
): string | null {
  const before = new Set(red(whole, judged));
  return red(changed, judged).find((line) => !before.has(line)) ?? null;
}

function red(stack: readonly Resource[], judged: readonly Rule[]): readonly string[] {
  return evaluate(stack, { environment: 'prod', rules: judged, config: environmentConfig.prod, waivers })
    .filter(({ level, waiver }) => level === 'mandatory' && waiver === null)
    .map(({ rule, resource, message }) => `${rule} on ${resource}: ${message}`);
}

/** Only what a control claims may kill its mutants: that another rule notices too is luck. */
function claimedBy(control: string): readonly Rule[] {
  const claimed = new Set<string>(controls.find(({ id }) => id === control)?.proofs.rules);
  return rules.filter(({ name }) => claimed.has(name));
}

function controlOf(rule: RuleName): string {
  const found = controls.find(({ proofs }) => proofs.rules?.includes(rule));
  if (!found) throw new Error(`no control claims ${rule}`);
  return found.id;
}

interface ProgramBreak {
  readonly control: string;
  breaks(stack: readonly Resource[]): readonly Resource[];
}

type Edit = (value: Record<string, unknown>) => void;

/** Edits a copy of each resource that is meant; the mutant is void, and an error, when none is. */
function edit(meant: (resource: Resource) => boolean, change: Edit): ProgramBreak['breaks'] {
  return (stack) => {
    if (!stack.some(meant)) throw new Error('the program has nothing of that kind to break');
    return stack.map((resource) => {
      if (!meant(resource)) return resource;
      const props = JSON.parse(JSON.stringify(resource.props)) as Record<string, unknown>;
      change(props);
      return { ...resource, props };
    });
  };
}

const named =
  (kind: string, name: RegExp) =>
  (resource: Resource): boolean =>
    isKind(resource, kind) && name.test(resource.name);

const without =
  (kind: string, name: RegExp): ProgramBreak['breaks'] =>
  (stack) => {
    const left = stack.filter((resource) => !named(kind, name)(resource));
    if (left.length === stack.length) throw new Error(`the program has no ${kind} ${name.source}`);
    return left;
  };

interface Pod {
  spec: Record<string, unknown> & {
    containers: Record<string, unknown>[];
    securityContext: Record<string, unknown>;
  };
}

/** Edits every pod of the program's workloads that live on. */
const pods = (change: (pod: Pod['spec']) => void): ProgramBreak['breaks'] =>
  edit(
    (resource) => isWorkload(resource) && !isKind(resource, 'CronJob', 'Job'),
    (props) => change((props.spec as { template: Pod }).template.spec),
  );

/** Drops a field from the security context of every pod and of every container. */
const everywhere = (field: string): ProgramBreak['breaks'] =>
  pods(({ securityContext, containers }) => {
    for (const one of [{ securityContext }, ...containers])
      delete (one.securityContext as Record<string, unknown> | undefined)?.[field];
  });

const file = (name: RegExp, key: RegExp, from: string | RegExp, to: string): ProgramBreak['breaks'] =>
  edit(
    (resource) =>
      named('ConfigMap', name)(resource) && Object.keys(dataOf(resource.props)).some((one) => key.test(one)),
    (props) => {
      const data = dataOf(props);
      for (const one of Object.keys(data).filter((known) => key.test(known)))
        data[one] = String(data[one]).replace(from, to);
    },
  );

function dataOf(props: Readonly<Record<string, unknown>>): Record<string, string> {
  return (props.data ?? {}) as Record<string, string>;
}

const programBreaks: Readonly<Record<string, ProgramBreak>> = {
  'root user': {
    control: 'POD-1',
    breaks: pods(({ securityContext }) => Object.assign(securityContext, { runAsUser: 0 })),
  },
  'no runAsNonRoot': {
    control: 'POD-1',
    breaks: everywhere('runAsNonRoot'),
  },
  'no seccomp profile': {
    control: 'POD-1',
    breaks: everywhere('seccompProfile'),
  },
  'privileged containers': {
    control: 'POD-1',
    breaks: pods(({ containers }) => {
      for (const one of containers) one.securityContext = { privileged: true };
    }),
  },
  'host network': { control: 'POD-2', breaks: pods((pod) => Object.assign(pod, { hostNetwork: true })) },
  'host path': {
    control: 'POD-2',
    breaks: pods((pod) => Object.assign(pod, { volumes: [{ name: 'h', hostPath: { path: '/' } }] })),
  },
  'API tokens mounted': { control: 'POD-3', breaks: pods((pod) => delete pod.automountServiceAccountToken) },
  'default account': {
    control: 'POD-3',
    breaks: pods((pod) => Object.assign(pod, { serviceAccountName: 'default' })),
  },
  'no limits': {
    control: 'POD-4',
    breaks: pods(({ containers }) => {
      for (const one of containers) delete one.resources;
    }),
  },
  'images by tag': {
    control: 'IMG-1',
    breaks: pods(({ containers }) => {
      for (const one of containers) one.image = String(one.image).split('@')[0];
    }),
  },
  'password in the environment': {
    control: 'SEC-1',
    breaks: pods(({ containers }) =>
      Object.assign(containers[0] ?? {}, { env: [{ name: 'DB_PASSWORD', value: 'hunter22' }] }),
    ),
  },
  'baseline namespace': {
    control: 'POD-1',
    breaks: edit(
      (resource) => isKind(resource, 'Namespace'),
      (props) =>
        Object.assign((props.metadata as { labels: object }).labels, {
          'pod-security.kubernetes.io/enforce': 'baseline',
        }),
    ),
  },
  'no default deny': { control: 'NET-1', breaks: without('NetworkPolicy', /deny/) },
  'internet egress': {
    control: 'NET-1',
    breaks: edit(named('NetworkPolicy', /case-service/), (props) =>
      (props.spec as { egress: unknown[] }).egress.push({
        to: [{ ipBlock: { cidr: '0.0.0.0/0' } }],
        ports: [{ port: 443 }],
      }),
    ),
  },
  'no budget for the service': { control: 'POD-5', breaks: without('PodDisruptionBudget', /case-service/) },
  'metrics in the route': {
    control: 'EXP-1',
    breaks: edit(
      (resource) => isKind(resource, 'HTTPRoute'),
      (props) => {
        const rules = (props.spec as { rules: { backendRefs?: { port: number }[] }[] }).rules;
        for (const { backendRefs = [] } of rules) for (const backend of backendRefs) backend.port = 9464;
      },
    ),
  },
  'plain edge listener': {
    control: 'TLS-3',
    breaks: edit(
      (resource) => isKind(resource, 'Gateway'),
      (props) => {
        for (const one of (props.spec as { listeners: Record<string, unknown>[] }).listeners)
          one.protocol = 'HTTP';
      },
    ),
  },
  'plain listener of the service': {
    control: 'TLS-3',
    breaks: edit(named('Deployment', /case-service/), (props) => {
      const { containers } = (props.spec as { template: Pod }).template.spec;
      for (const one of containers)
        one.env = [...((one.env ?? []) as unknown[]), { name: 'PLAIN_PORT', value: '8000' }];
    }),
  },
  'plain Redis': { control: 'RED-1', breaks: file(/redis/, /redis\.conf$/, /^port 0$/m, 'port 6379') },
  'TLS 1.0 at Redis': {
    control: 'RED-1',
    breaks: file(/redis/, /redis\.conf$/, 'TLSv1.2 TLSv1.3', 'TLSv1 TLSv1.2'),
  },
  'Redis without ACL': { control: 'RED-1', breaks: file(/redis/, /redis\.conf$/, /^aclfile.*$/m, '') },
  'Redis that evicts': {
    control: 'RED-2',
    breaks: file(/redis/, /redis\.conf$/, 'noeviction', 'allkeys-lru'),
  },
  'Redis without AOF': {
    control: 'RED-2',
    breaks: file(/redis/, /redis\.conf$/, 'appendonly yes', 'appendonly no'),
  },
  'anonymous Grafana': {
    control: 'OBS-1',
    breaks: file(/grafana/, /grafana\.ini$/, /(\[auth\.anonymous\]\s+enabled = )false/, '$1true'),
  },
  'plain volumes': {
    control: 'RST-1',
    breaks: edit(
      (resource) => isKind(resource, 'StatefulSet'),
      (props) => {
        const { volumeClaimTemplates = [] } = props.spec as {
          volumeClaimTemplates?: { spec: Record<string, unknown> }[];
        };
        for (const claim of volumeClaimTemplates) claim.spec.storageClassName = 'standard';
      },
    ),
  },
  'unprotected data': {
    control: 'RED-2',
    breaks: (stack) => stack.map((resource) => ({ ...resource, opts: { protect: false } })),
  },
  'roles with wildcards': {
    control: 'POD-3',
    breaks: edit(
      (resource) => isKind(resource, 'Role'),
      (props) => {
        for (const rule of (props.rules ?? []) as Record<string, unknown>[]) rule.verbs = ['*'];
      },
    ),
  },
  'exposed Service': {
    control: 'NET-2',
    breaks: edit(named('Service', /redis/), (props) =>
      Object.assign(props.spec as object, { type: 'NodePort' }),
    ),
  },
};
