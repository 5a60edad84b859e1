import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { environments } from '../infra/settings/environments.ts';
import { evaluate, holds } from './engine/evaluate.ts';
import type { Environment, Resource, Waiver } from './engine/types.ts';
import { environmentConfig } from './environments.ts';
import { json, type Report, sarif, table } from './report/format.ts';
import { renderedResources } from './report/rendered.ts';
import { rules } from './rules/index.ts';
import { waivers } from './waivers.ts';

const help = `Judges every environment by the policy rules, without a cluster and without the Pulumi CLI.

usage: npm run policies [-- [ENVIRONMENT…] [--rendered] [--json | --sarif] [--output FILE]]

  ENVIRONMENT    ${environments.join(' | ')}; all when none is named
  --rendered     judge the manifests in rendered/ instead of the program under mocks
  --json         print the findings as JSON
  --sarif        print the findings as SARIF 2.1.0
  --output FILE  write there instead of to standard output
  --help

exit code: 0 every mandatory rule holds, 1 one does not, 2 could not check or wrong usage
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
    const wanted = positionals.map(environmentNamed);
    const report = await judge(wanted.length > 0 ? wanted : environments, values.rendered === true);
    const text = values.json ? json(report) : values.sarif ? sarif(report) : table(report);
    if (values.output) writeFileSync(values.output, `${text}\n`);
    else print(text);
    return holds(report.findings) ? 0 : 1;
  } catch (error) {
    print(`policies: ${error instanceof Error ? error.message : String(error)}; --help shows the usage`);
    return 2;
  }
}

const options = {
  rendered: { type: 'boolean' },
  json: { type: 'boolean' },
  sarif: { type: 'boolean' },
  output: { type: 'string' },
  help: { type: 'boolean' },
} as const;

async function judge(wanted: readonly Environment[], rendered: boolean): Promise<Report> {
  const stacks: { environment: Environment; resources: readonly Resource[] }[] = [];
  // One after the other: Pulumi's mocks are one per process.
  for (const environment of wanted)
    stacks.push({
      environment,
      resources: rendered ? renderedResources(root, environment) : await registered(environment),
    });
  const findings = stacks.flatMap(({ environment, resources }) =>
    evaluate(resources, {
      environment,
      rules,
      config: environmentConfig[environment],
      waivers,
      options: !rendered,
    }),
  );
  const idle = (waiver: Waiver): boolean =>
    waiver.environments.some((environment) => wanted.includes(environment)) &&
    !findings.some((finding) => finding.waiver === waiver);
  return {
    source: rendered ? 'rendered manifests' : 'program',
    environments: stacks.map(({ environment, resources }) => ({ environment, resources: resources.length })),
    rules,
    findings,
    idle: waivers.filter(idle),
  };
}

/** The program's resources, from the program itself under mocks. */
async function registered(environment: Environment): Promise<readonly Resource[]> {
  const { evaluate: run } = await import('../infra/evaluate.ts');
  // Pulumi writes a stack trace for each of its promises, a fifth of the time, and nobody reads them.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    const { resources } = await run(environment, { preview: true });
    return resources;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function environmentNamed(name: string): Environment {
  const found = environments.find((one) => one === name);
  if (!found) throw new Error(`unknown environment ${name} (${environments.join(', ')})`);
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
  process.exitCode = await main(process.argv.slice(2), (text) => {
    process.stdout.write(`${text}\n`);
  });
