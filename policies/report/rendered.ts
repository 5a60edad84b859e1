import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Environment, Resource } from '../engine/rule.ts';

/**
 * The manifests of one environment as `npm run render` wrote them, as resources without options.
 * @throws Error when the folder holds no manifest: nothing judged is no pass
 */
export function renderedResources(root: string, environment: Environment): readonly Resource[] {
  const folder = join(root, 'rendered', environment);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.ya?ml$/.test(file),
  );
  const resources = files.sort().flatMap((file) => manifests(root, join(folder, file), environment));
  if (resources.length === 0) throw new Error(`no manifest in rendered/${environment}`);
  return resources;
}

interface Manifest extends Readonly<Record<string, unknown>> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata?: { readonly name?: string };
}

function manifests(root: string, path: string, environment: Environment): readonly Resource[] {
  return parseAllDocuments(readFileSync(path, 'utf8'))
    .map((document) => document.toJS() as Partial<Manifest> | null)
    .filter(
      (value): value is Manifest => typeof value?.kind === 'string' && typeof value.apiVersion === 'string',
    )
    .map((props) => {
      const { apiVersion, kind, metadata } = props;
      const type = `kubernetes:${apiVersion.includes('/') ? apiVersion : `core/${apiVersion}`}:${kind}`;
      const name = metadata?.name ?? '';
      const urn = `urn:pulumi:${environment}::simple378::${type}::${name}`;
      return { type, name, urn, props, file: relative(root, path) };
    });
}
