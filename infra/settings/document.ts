import { allowed } from './parse.ts';
import { settingsSchema } from './schema.ts';

interface Node {
  readonly description?: string;
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly [key: string]: unknown;
}

const project = 'simple378:';
const root = settingsSchema as unknown as Node;

/** docs/settings.md: every setting with its meaning, what is allowed and its default. */
export function settingsDocument(): string {
  const sections = Object.entries(root.properties ?? {}).map(([key, node]) => section(key, node));
  return `${[
    '# Settings',
    '',
    '<!-- Written by `npm run generate` from infra/settings/schema.ts; do not edit. -->',
    '',
    'One file per environment, `Pulumi.<env>.yaml`, under `config:`; each key below is written with the prefix `simple378:`.',
    'Everything is checked before anything is created, and every problem is listed at once with its key, its value and what is',
    'allowed; rules across keys (retention and SLO windows, connections and `maxclients`, what production needs) come with it.',
    'Secrets are no settings: `pulumi config set --secret simple378:<name>` for `receiver-<name>`, `registry`,',
    '`grafana-token`, `grafana-oidc-secret`, `redis-external-<user>`, and `data-key-<generation>` where another stack made the key.',
    '',
    ...sections,
  ]
    .join('\n')
    .trimEnd()}\n`;
}

function section(key: string, node: Node): string {
  const rows = rowsOf(key, node, false);
  return [
    `## ${key}`,
    '',
    node.description ?? '',
    '',
    '| Key | Meaning | Allowed | Default |',
    '| --- | --- | --- | --- |',
    ...rows.map((row) => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`),
    '',
  ].join('\n');
}

function rowsOf(path: string, node: Node, optional: boolean): string[][] {
  if (node.properties) {
    const inner = Object.entries(node.properties).flatMap(([key, child]) =>
      rowsOf(`${path}.${key}`, child, !node.required?.includes(key)),
    );
    // An object that may be absent as a whole: the keys inside count once it is there.
    return optional && node.default === undefined
      ? [[`\`${path}\``, node.description ?? '', 'a set of the keys below', 'absent'], ...inner]
      : inner;
  }
  const own = [`\`${path}\``, node.description ?? '', words(node), defaultOf(node, optional)];
  return [own, ...(node.items ? rowsOf(`${path}[]`, node.items, false) : [])];
}

const words = (node: Node): string => allowed(node as never).replace(/^allowed (is|are) /, '');

function defaultOf(node: Node, optional: boolean): string {
  if (node.default !== undefined) return `\`${JSON.stringify(node.default)}\``;
  return optional ? 'absent' : '**required**';
}

/** A JSON schema of a `Pulumi.<env>.yaml`, for editors. */
export function configurationSchema(): object {
  const properties = Object.entries(root.properties ?? {}).map(([key, node]) => [
    `${project}${key}`,
    forEditors(node),
  ]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'An environment of Simple378',
    type: 'object',
    properties: {
      config: {
        type: 'object',
        properties: Object.fromEntries(properties),
        patternProperties: {
          [`^(?!${project})|^${project}(receiver-|registry$|grafana-|redis-external-|data-key-)`]: true,
        },
        additionalProperties: false,
      },
    },
  };
}

/** A key with a default may be left out, which JSON Schema does not take from `default`. */
function forEditors({ required, properties, items, allowed: inWords, ...node }: Node): Node {
  const needed = (required ?? []).filter((key) => properties?.[key]?.default === undefined);
  return {
    ...node,
    ...(properties
      ? {
          properties: Object.fromEntries(
            Object.entries(properties).map(([key, child]) => [key, forEditors(child)]),
          ),
          ...(needed.length > 0 ? { required: needed } : {}),
        }
      : {}),
    ...(items ? { items: forEditors(items) } : {}),
    ...(inWords ? { patternErrorMessage: inWords } : {}),
  };
}
