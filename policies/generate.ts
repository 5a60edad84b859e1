import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Control, type ControlId, controls } from './controls/catalogue.ts';
import { rules } from './rules/index.ts';
import { checks } from './verify/checks/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const [begin, end] = ['<!-- generated: npm run generate -->', '<!-- end of generated -->'] as const;

/** Returns docs/security.md with the current table and policies/CHECKLIST.md, by path. */
export const outputs = (): Record<string, string> => ({
  'docs/security.md': withTable(readFileSync(`${root}docs/security.md`, 'utf8')),
  'policies/CHECKLIST.md': checklist(),
});

/** Returns the guide with the current table. @throws Error when the guide has no place for it */
export function withTable(guide: string): string {
  const from = guide.indexOf(begin);
  const to = guide.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/security.md lacks ${begin} … ${end}`);
  return `${guide.slice(0, from + begin.length)}\n\n${controlTables()}\n\n${guide.slice(to)}`;
}

function controlTables(): string {
  const all = Object.entries(controls) as [ControlId, Control][];
  const proven = all
    .filter(([, { operator }]) => !operator)
    .map(([id, { title, severity, code = [], tests = [], references }]) => [
      id,
      title,
      severity,
      list(code),
      list(rules.filter(({ control }) => control === id).map(({ name }) => name)),
      list(checks.filter(({ control }) => control === id).map((check) => check.id)),
      list(tests),
      references.join(', '),
    ]);
  const operators = all
    .filter(([, { operator }]) => operator)
    .map(([id, { title, why, references }]) => [id, title, why, references.join(', ')]);
  return [
    markdown(
      ['Control', 'Holds', 'Severity', 'Code', 'Policy rules', 'Live checks', 'Tests', 'References'],
      proven,
    ),
    '',
    'The operator of the cluster is responsible for these; they are never counted as passed:',
    '',
    markdown(['Control', 'Must hold', 'Why', 'References'], operators),
  ].join('\n');
}

function checklist(): string {
  const ruleRows = rules.map(({ name, control, title, severity, remediation, references, levels = {} }) => [
    `\`${name}\``,
    control,
    title,
    severity,
    ['local', 'dev', 'staging', 'prod']
      .map((environment) => (levels as Record<string, string>)[environment] ?? 'mandatory')
      .join(' / '),
    remediation,
    references.join(', '),
  ]);
  const checkRows = checks.map(({ id, control, expected, remedy }) => [
    `\`${id}\``,
    control,
    expected,
    remedy,
    controls[control].references.join(', '),
  ]);
  const proven = Object.values(controls).filter(({ operator }) => !operator).length;
  return `# Security checklist

Generated from \`controls/\`, \`rules/\` and \`verify/checks/\` by \`npm run generate\`; do not edit.
${proven} controls, ${rules.length} policy rules, ${checks.length} live checks.

## Policy rules

Levels are for local / dev / staging / prod.

${markdown(['Rule', 'Control', 'Must hold', 'Severity', 'Level', 'Remedy', 'References'], ruleRows)}

## Live checks

${markdown(['Check', 'Control', 'Expected', 'Remedy', 'References'], checkRows)}
`;
}

function list(names: readonly string[]): string {
  return names.length === 0 ? '–' : names.map((name) => `\`${name}\``).join('<br>');
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
