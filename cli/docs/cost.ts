import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

/** Resources that an environment requests of its cluster. */
export interface Cost {
  readonly pods: number;
  /** Requested cores. */
  readonly cores: number;
  /** Requested memory, GiB. */
  readonly memory: number;
  /** Volumes, GiB. */
  readonly disk: number;
}

/** The parts of a manifest that request resources. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly replicas?: number;
    readonly minReplicas?: number;
    readonly maxReplicas?: number;
    readonly scaleTargetRef?: { readonly name: string };
    readonly template?: { readonly spec: { readonly containers: readonly Claim[] } };
    readonly volumeClaimTemplates?: readonly { readonly spec: Claim }[];
    readonly resources?: Claim['resources'];
  };
}

interface Claim {
  readonly resources?: undefined | { readonly requests?: Readonly<Record<string, string | number>> };
}

/**
 * Adds up the requests of one environment's manifests: pods that run always, and volumes. Jobs are left out, because they
 * run for a short time.
 * @param replicas the fewest or the most pods that autoscaling allows
 */
export function costOf(folder: string, replicas: 'minimum' | 'maximum'): Cost {
  const manifests = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => parse(readFileSync(join(folder, file), 'utf8')) as Manifest);
  const scaled = new Map(
    manifests
      .filter(({ kind }) => kind === 'HorizontalPodAutoscaler')
      .map(({ spec }) => [
        spec?.scaleTargetRef?.name,
        replicas === 'maximum' ? spec?.maxReplicas : spec?.minReplicas,
      ]),
  );
  return manifests.map((manifest) => costOfManifest(manifest, scaled)).reduce(sum, nothing);
}

const nothing: Cost = { pods: 0, cores: 0, memory: 0, disk: 0 };

function costOfManifest(
  { kind, metadata, spec }: Manifest,
  scaled: ReadonlyMap<string | undefined, number | undefined>,
): Cost {
  if (kind === 'PersistentVolumeClaim') return { ...nothing, disk: requested(spec ?? {}, 'storage') };
  if (kind !== 'Deployment' && kind !== 'StatefulSet') return nothing;
  const pods = (kind === 'Deployment' ? scaled.get(metadata.name) : undefined) ?? spec?.replicas ?? 1;
  const total = (claims: readonly Claim[] = [], resource = '') =>
    pods * claims.reduce((all, claim) => all + requested(claim, resource), 0);
  return {
    pods,
    cores: total(spec?.template?.spec.containers, 'cpu'),
    memory: total(spec?.template?.spec.containers, 'memory'),
    disk: total(
      spec?.volumeClaimTemplates?.map((claim) => claim.spec),
      'storage',
    ),
  };
}

function sum(a: Cost, b: Cost): Cost {
  return {
    pods: a.pods + b.pods,
    cores: a.cores + b.cores,
    memory: a.memory + b.memory,
    disk: a.disk + b.disk,
  };
}

const units: Readonly<Record<string, number>> = { m: 1e-3, '': 1, Mi: 2 ** -10, Gi: 1 };

/** Cores, or GiB. @throws Error for a unit that no manifest of this repository uses */
function requested({ resources }: Claim, resource: string): number {
  const text = String(resources?.requests?.[resource] ?? 0);
  const [, value, unit = ''] = /^([\d.]+)([A-Za-z]*)$/.exec(text) ?? [];
  const factor = units[unit];
  if (value === undefined || factor === undefined)
    throw new Error(`${resource}: ${text} is in no known unit`);
  return Number(value) * factor;
}
