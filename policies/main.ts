import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { changesOf } from '../infra/settings/changes.ts';
import { environments } from '../infra/settings/environments.ts';
import { BadSettings, loadSettings, type Settings } from '../infra/settings/index.ts';
import { evaluate, holds } from './engine/evaluate.ts';
import type { Environment, Resource, Waiver } from './engine/rule.ts';
import { ruleConfig } from './environments.ts';
import { json, type Report, sarif, table } from './report/format.ts';
import { renderedResources } from './report/rendered.ts';
import { rules } from './rules/index.ts';
import { waivers } from './waivers.ts';

const help = `Judges every environment by the policy rules, without a cluster and without the Pulumi CLI.

usage: npm run policies [-- [STACK…] [--set KEY=VALUE] [--rendered] [--json | --sarif] [--output FILE]]

  STACK          a stack with a file Pulumi.STACK.yaml; ${environments.join(', ')} when none is named
  --stack STACK  the same
  --set KEY=VALUE  change a setting, as in redis.mode=sentinel; may be repeated
  --rendered     judge the manifests in rendered/ instead of the program under mocks
  --json         print the findings as JSON
  --sarif        print the findings as SARIF 2.1.0
  --output FILE  write there instead of to standard output
  --help

exit code: 0 every mandatory rule holds, 1 one does not, 2 could not check or wrong usage, 78 bad settings
`;

const root = fileURLToPath(new URL('..', import.meta.url));

/** The command: returns its exit code and writes its report. */
export async function main(argv: readonly string[], print: (text: string) => void): Promise<number> {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    if (values.help) {
      print(help);
      return 0;
    }
    if (values.json && values.sarif) throw new Error('--json and --sarif exclude each other');
    const named = [...positionals, ...(values.stack ?? [])];
    const report = await judge(
      named.length > 0 ? named : environments,
      values.rendered === true,
      changesOf(values.set ?? []),
    );
    const text = values.json ? json(report) : values.sarif ? sarif(report) : table(report);
    if (values.output) writeFileSync(values.output, `${text}\n`);
    else print(text);
    return holds(report.findings) ? 0 : 1;
  } catch (error) {
    print(`policies: ${error instanceof Error ? error.message : String(error)}; --help shows the usage`);
    return error instanceof BadSettings ? 78 : 2;
  }
}

const options = {
  stack: { type: 'string', multiple: true },
  set: { type: 'string', multiple: true },
  rendered: { type: 'boolean' },
  json: { type: 'boolean' },
  sarif: { type: 'boolean' },
  output: { type: 'string' },
  help: { type: 'boolean' },
} as const;

async function judge(
  wanted: readonly string[],
  rendered: boolean,
  changes: Readonly<Record<string, unknown>>,
): Promise<Report> {
  const stacks: { stack: string; settings: Settings; resources: readonly Resource[] }[] = [];
  // One after the other: Pulumi's mocks are one per process.
  for (const stack of wanted) {
    const settings = loadSettings(stack, changes);
    stacks.push({
      stack,
      settings,
      resources: rendered ? renderedResources(root, stack as Environment) : await registered(stack, changes),
    });
  }
  const findings = stacks.flatMap(({ settings, resources }) =>
    evaluate(resources, {
      environment: settings.environment,
      rules,
      config: ruleConfig(settings),
      waivers,
      options: !rendered,
    }),
  );
  const idle = (waiver: Waiver): boolean =>
    waiver.environments.some((one) => stacks.some(({ settings }) => settings.environment === one)) &&
    !findings.some((finding) => finding.waiver === waiver);
  return {
    source: rendered ? 'rendered manifests' : 'program',
    environments: stacks.map(({ stack, resources }) => ({ environment: stack, resources: resources.length })),
    rules,
    findings,
    idle: waivers.filter(idle),
  };
}

/** The program's resources, from the program itself under mocks. */
async function registered(
  stack: string,
  changes: Readonly<Record<string, unknown>>,
): Promise<readonly Resource[]> {
  const { evaluate: run } = await import('../infra/evaluate.ts');
  // Pulumi writes a stack trace for each of its promises, a fifth of the time, and nobody reads them.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const { resources } = await run(stack, { preview: true, changes });
    return resources;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2), (text) => {
    process.stdout.write(`${text}\n`);
  });
