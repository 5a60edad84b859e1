import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Control } from './controls/types.ts';
import { controls } from './controls.ts';
import { rules } from './rules/index.ts';
import { checks } from './verify/checks/index.ts';

const help = `Writes what follows from the control catalogue: the table in docs/security.md and policies/CHECKLIST.md.

usage: npm run generate [-- --check]

  --check   write nothing; exit 1 when a file is not current
  --help

exit code: 0 current or written, 1 stale, 2 wrong usage
`;

const root = fileURLToPath(new URL('..', import.meta.url));
const [begin, end] = ['<!-- generated: npm run generate -->', '<!-- end of generated -->'] as const;

interface Output {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

/** The command: returns its exit code. */
export function main(
  argv: readonly string[],
  print: (text: string) => void,
  generated: () => readonly Output[] = outputs,
): number {
  try {
    const { values } = parseArgs({
      args: [...argv],
      options: { check: { type: 'boolean' }, help: { type: 'boolean' } },
    });
    if (values.help) {
      print(help);
      return 0;
    }
    const stale = generated().filter(({ file, text }) => readFileSync(resolve(root, file), 'utf8') !== text);
    if (!values.check) for (const { file, text } of stale) writeFileSync(resolve(root, file), text);
    for (const { file } of stale)
      print(values.check ? `${file} is stale: npm run generate` : `wrote ${file}`);
    return values.check && stale.length > 0 ? 1 : 0;
  } catch (error) {
    print(`generate:security: ${error instanceof Error ? error.message : String(error)}`);
    return 2;
  }
}

/** Every generated file and what it should hold. */
export function outputs(): readonly Output[] {
  return [
    { file: 'docs/security.md', text: withTable(readFileSync(`${root}docs/security.md`, 'utf8')) },
    { file: 'policies/CHECKLIST.md', text: checklist() },
  ];
}

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

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = main(process.argv.slice(2), (text) => {
    process.stdout.write(`${text}\n`);
  });
