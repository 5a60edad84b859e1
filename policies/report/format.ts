import type { Finding, Rule, Waiver } from '../engine/rule.ts';

/** What was judged, and what came of it. */
export interface Report {
  /** `program` or `rendered`. */
  readonly source: string;
  readonly environments: readonly { readonly environment: string; readonly resources: number }[];
  readonly rules: readonly Rule[];
  readonly findings: readonly Finding[];
  /** Waivers that cover nothing any more. */
  readonly idle: readonly Waiver[];
}

/** The report for a person: a line per finding with its remedy, then a summary. */
export function table(report: Report): string {
  const lines = report.findings.flatMap((finding) => [
    `${mark(finding)} ${finding.environment.padEnd(8)} ${finding.severity.padEnd(8)} ${finding.rule}  ${finding.resource}`,
    `     ${finding.message}${finding.waiver ? ` (waived by ${finding.waiver.owner} until ${finding.waiver.expires}: ${finding.waiver.reason})` : ''}`,
    ...(finding.waiver ? [] : [`     → ${finding.remediation}`]),
  ]);
  const idle = report.idle.map(
    (waiver) => `note: the waiver of ${waiver.rule} for ${waiver.resource} covers nothing`,
  );
  const judged = report.environments
    .map(({ environment, resources }) => `${environment} ${resources}`)
    .join(', ');
  const count = (test: (finding: Finding) => boolean): number => report.findings.filter(test).length;
  const summary = [
    `${count(stops)} violations`,
    `${count(({ level, waiver }) => level === 'advisory' && !waiver)} advisory`,
    `${count(({ waiver }) => waiver !== null)} waived`,
  ].join(', ');
  return [
    ...lines,
    ...idle,
    `${report.rules.length} rules over the ${report.source} (resources: ${judged}): ${summary}`,
  ].join('\n');
}

/** The findings as JSON, for programs. */
export function json({ source, environments, findings, rules }: Report): string {
  return JSON.stringify(
    { version: 1, source, environments, rules: rules.map(({ name }) => name), findings },
    null,
    2,
  );
}

/** The findings as SARIF 2.1.0, which code hosts show beside the change. */
export function sarif({ rules, findings }: Report): string {
  const driver = {
    name: 'simple378-policies',
    informationUri: 'docs/security.md',
    rules: rules.map((rule) => ({
      id: rule.name,
      shortDescription: { text: rule.title },
      fullDescription: { text: rule.why },
      help: { text: rule.remediation },
      properties: { tags: rule.references, 'security-severity': scores[rule.severity] },
    })),
  };
  const results = findings.map((finding) => ({
    ruleId: finding.rule,
    level: finding.level === 'advisory' ? 'note' : finding.severity === 'low' ? 'warning' : 'error',
    message: {
      text: `${finding.environment} ${finding.resource}: ${finding.message}. ${finding.remediation}`,
    },
    locations: [
      {
        physicalLocation: {
          artifactLocation: { uri: finding.file ?? 'infra/index.ts' },
          region: { startLine: 1 },
        },
        logicalLocations: [{ fullyQualifiedName: finding.urn ?? finding.environment }],
      },
    ],
    ...(finding.waiver ? { suppressions: [{ kind: 'external', justification: finding.waiver.reason }] } : {}),
  }));
  const run = { tool: { driver }, results };
  return JSON.stringify(
    { $schema: 'https://json.schemastore.org/sarif-2.1.0.json', version: '2.1.0', runs: [run] },
    null,
    2,
  );
}

const scores = { low: '3.0', medium: '5.0', high: '8.0', critical: '9.5' } as const;

function stops({ level, waiver }: Finding): boolean {
  return level === 'mandatory' && waiver === null;
}

function mark(finding: Finding): string {
  if (finding.waiver) return 'waiv';
  return stops(finding) ? 'FAIL' : 'note';
}
