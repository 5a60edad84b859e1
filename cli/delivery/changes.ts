/** What a change of rendered manifests would do to an environment, told from two sets of objects. */

/** A Kubernetes object as its manifest says. */
export type Manifest = Readonly<Record<string, unknown>>;

/** One object that differs. */
export interface Change {
  readonly environment: string;
  /** Path below the environment's folder. */
  readonly file: string;
  readonly kind: string;
  readonly what: 'added' | 'removed' | 'changed' | 'replaced';
  /** Key paths that differ; empty when all of it is new or gone. */
  readonly fields: readonly string[];
  /** Whether it holds data: state, secrets, or the namespace of both. */
  readonly data: boolean;
}

const holdsData = ['StatefulSet', 'PersistentVolumeClaim', 'PersistentVolume', 'Secret', 'Namespace'];

/** Fields that Kubernetes does not change in place: another value means another object. */
const immutable: Readonly<Record<string, readonly RegExp[]>> = {
  Deployment: [/^spec\.selector/],
  StatefulSet: [/^spec\.(selector|serviceName|podManagementPolicy|volumeClaimTemplates)/],
  PersistentVolumeClaim: [/^spec\.(?!resources)/],
  Service: [/^spec\.clusterIP/],
  Job: [/^spec\.(template|selector)/],
};
const always = /^(apiVersion|kind|metadata\.(name|namespace))$/;

/**
 * Compares one file before and after.
 * @param path `rendered/<environment>/<component>/<kind>-<name>.yaml`
 */
export function changeOf(
  path: string,
  before: Manifest | undefined,
  after: Manifest | undefined,
): Change | null {
  const [, environment = '', ...rest] = path.split('/');
  const kind = String((after ?? before)?.kind ?? 'file');
  const common = { environment, file: rest.join('/'), kind, data: holdsData.includes(kind) };
  if (before === undefined) return { ...common, what: 'added', fields: [] };
  if (after === undefined) return { ...common, what: 'removed', fields: [] };
  const fields = differing(before, after);
  if (fields.length === 0) return null;
  const replaced = fields.some(
    (field) => always.test(field) || (immutable[kind] ?? []).some((pattern) => pattern.test(field)),
  );
  return { ...common, what: replaced ? 'replaced' : 'changed', fields };
}

/** The changes as Markdown: a table per environment, what endangers data first. */
export function markdown(changes: readonly Change[]): string {
  if (changes.length === 0) return '### Rendered manifests\n\nNothing changes in any environment.\n';
  const environments = [...new Set(changes.map(({ environment }) => environment))];
  const sections = environments.map((environment) => {
    const own = changes.filter((change) => change.environment === environment);
    const rows = [...own].sort((a, b) => weight(b) - weight(a)).map(row);
    return `#### ${environment}: ${own.length} objects\n\n| | What | Object | Fields |\n|---|---|---|---|\n${rows.join('\n')}\n`;
  });
  const dangerous = changes.filter((change) => weight(change) > 2).length;
  const head =
    dangerous > 0 ? `**${dangerous} changes touch data or replace objects; read them first.**\n\n` : '';
  return `### Rendered manifests\n\n${head}${sections.join('\n')}`;
}

function row({ what, file, fields, data }: Change): string {
  const flag = what === 'replaced' || (data && what === 'removed') ? '⛔' : data ? '⚠️' : '';
  const shown = fields.slice(0, 6).map((field) => `\`${field}\``);
  const more = fields.length > 6 ? ` and ${fields.length - 6} more` : '';
  return `| ${flag} | ${what} | \`${file}\` | ${shown.join(', ')}${more} |`;
}

function weight({ what, data }: Change): number {
  return (data ? 2 : 0) + (what === 'replaced' ? 4 : what === 'removed' ? 2 : 0);
}

function differing(before: unknown, after: unknown, path = ''): string[] {
  if (Object.is(before, after)) return [];
  if (!isContainer(before) || !isContainer(after)) return [path];
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...keys].flatMap((key) => differing(before[key], after[key], path === '' ? key : `${path}.${key}`));
}

function isContainer(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
