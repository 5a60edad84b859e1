import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Control } from './controls/types.ts';
import { controls } from './controls.ts';
import { rules } from './rules/index.ts';
import { checks } from './verify/checks/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const [begin, end] = ['<!-- generated: npm run generate -->', '<!-- end of generated -->'] as const;

/** Returns docs/security.md with the current table and policies/CHECKLIST.md, by path. */
export const outputs = (): Record<string, string> => ({
  'docs/security.md': withTable(readFileSync(`${root}docs/security.md`, 'utf8')),
  'policies/CHECKLIST.md': checklist(),
});

/** The guide with the current table. @throws Error when it has no place for it */
export function withTable(guide: string): string {
  const from = guide.indexOf(begin);
  const to = guide.indexOf(end);
  if (from < 0 || to < from) throw new Error(`docs/security.md lacks ${begin} … ${end}`);
  return `${guide.slice(0, from + begin.length)}\n\n${controlTable(controls)}\n\n${guide.slice(to)}`;
}

/** The catalogue as a table: a line per control, a column per layer. */
function controlTable(all: readonly Control[]): string {
  const proven = all.filter(({ holder }) => holder === 'proven');
  const rows = proven.map(({ id, title, severity, references, proofs }) => [
    id,
    title,
    severity,
    list((proofs.guards ?? []).map(({ file }) => file)),
    list(proofs.rules ?? []),
    list(proofs.live ?? []),
    list([...new Set((proofs.tests ?? []).map(({ file }) => file))]),
    references.join(', '),
  ]);
  const operators = all
    .filter(({ holder }) => holder === 'operator')
    .map(({ id, title, why, references }) => [id, title, why, references.join(', ')]);
  return [
    markdown(
      [
        'Control',
        'What holds',
        'Severity',
        'In the service',
        'Policy rules',
        'Live checks',
        'Tests',
        'References',
      ],
      rows,
    ),
    '',
    'Not ours to hold, and never counted as passed: the operator of the cluster answers for these.',
    '',
    markdown(['Control', 'What must hold', 'Why', 'References'], operators),
  ].join('\n');
}

function checklist(): string {
  const ruleRows = rules.map(({ name, title, severity, remediation, references, levels = {} }) => [
    `\`${name}\``,
    title,
    severity,
    ['local', 'dev', 'staging', 'prod']
      .map((environment) => (levels as Record<string, string>)[environment] ?? 'mandatory')
      .join(' / '),
    remediation,
    references.join(', '),
  ]);
  const checkRows = checks.map(({ id, expected, remedy, references }) => [
    `\`${id}\``,
    expected,
    remedy,
    references.join(', '),
  ]);
  return `# Security checklist

Generated from \`controls.ts\`, \`rules/\` and \`verify/checks/\` by \`npm run generate\`; do not edit.
${controls.filter(({ holder }) => holder === 'proven').length} controls, ${rules.length} policy rules, ${checks.length} live checks.

## Policy rules

Levels are for local / dev / staging / prod.

${markdown(['Rule', 'What must hold', 'Severity', 'Level', 'Remedy', 'References'], ruleRows)}

## Live checks

${markdown(['Check', 'Expected', 'Remedy', 'References'], checkRows)}
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
