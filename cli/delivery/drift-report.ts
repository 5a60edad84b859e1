/** Reads `pulumi preview --json` as a report on drift. */

/** The parts of a preview that the report uses. */
export interface Preview {
  readonly steps?: readonly {
    readonly op: string;
    readonly urn: string;
    readonly detailedDiff?: Readonly<Record<string, unknown>> | null;
  }[];
}

/** One resource that is not as the program says. */
export interface Drift {
  readonly resource: string;
  readonly op: string;
  readonly fields: readonly string[];
}

const quiet = new Set(['same', 'read', 'refresh']);

/** Every resource that an `up` would touch. */
export function driftOf({ steps = [] }: Preview): Drift[] {
  return steps
    .filter(({ op }) => !quiet.has(op))
    .map(({ op, urn, detailedDiff }) => ({
      // urn:pulumi:stack::project::parent$type::name
      resource: urn.split('::').slice(2).join(' ').replace(/^.*\$/, ''),
      op,
      fields: Object.keys(detailedDiff ?? {}),
    }));
}

/** The report as Markdown. */
export function driftMarkdown(environment: string, drifts: readonly Drift[]): string {
  const title = `### Drift of ${environment}`;
  if (drifts.length === 0) return `${title}\n\nNone: what runs is what the program says.\n`;
  const rows = drifts.map(
    ({ resource, op, fields }) => `| ${op} | \`${resource}\` | ${fields.map((f) => `\`${f}\``).join(', ')} |`,
  );
  return `${title}\n\n| \`npm run up -- ${environment} --refresh\` would | Resource | Fields |\n|---|---|---|\n${rows.join('\n')}\n`;
}
