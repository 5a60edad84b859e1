import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { exits, stack } from '../frame/command.ts';
import { root } from '../frame/process.ts';
import { write } from '../frame/verdict.ts';
import { imageOfStack } from '../rollout/running-image.ts';
import { addSummary } from '../rollout/workflow.ts';

/** The part of `pulumi preview --json` that is read. */
interface Preview {
  readonly steps?: readonly {
    readonly op: string;
    readonly urn: string;
    readonly detailedDiff?: Readonly<Record<string, unknown>> | null;
  }[];
}

/** `env drift`: compares what runs with the program. */
export function drift(): Command {
  return new Command('drift')
    .description(
      'show the differences between an environment and the program; exit code 1 when there are some',
    )
    .addArgument(stack())
    .option('--out <file>', 'write the Markdown report there instead of to the terminal')
    .action(
      exits(async (environment: string, { out }: { out?: string }) => {
        const rows = rowsOf(await preview(environment));
        const report = markdown(environment, rows);
        addSummary(report);
        if (out === undefined) console.log(report);
        else write(out, report);
        return rows.length === 0 ? 0 : 1;
      }),
    );
}

/**
 * Previews an up with the image that was released last, because releases set the image and no file of the repository names
 * it. The environment's own file stays as it is.
 */
async function preview(environment: string): Promise<Preview> {
  const { pulumi, takingBack } = await import('../../infra/pulumi.ts');
  const { writeStackSettings } = await import('../../infra/settings/index.ts');
  const image = imageOfStack(environment);
  const folder = mkdtempSync(join(tmpdir(), 'simple378-drift-'));
  try {
    const name = `Pulumi.${environment}.yaml`;
    const file = join(folder, name);
    copyFileSync(join(root, name), file);
    if (image !== null) writeStackSettings(file, environment, { 'app.image': image });
    const args = ['preview', '--refresh', '--json', '--stack', environment, '--config-file', file];
    return JSON.parse(pulumi(args, '', takingBack)) as Preview;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function rowsOf({ steps = [] }: Preview): string[] {
  return steps
    .filter(({ op }) => !['same', 'read', 'refresh'].includes(op))
    .map(({ op, urn, detailedDiff }) => {
      // urn:pulumi:stack::project::parent$type::name
      const resource = urn.split('::').slice(2).join(' ').replace(/^.*\$/, '');
      const fields = Object.keys(detailedDiff ?? {}).map((field) => `\`${field}\``);
      return `| ${op} | \`${resource}\` | ${fields.join(', ')} |`;
    });
}

function markdown(environment: string, rows: readonly string[]): string {
  const title = `### Drift of ${environment}`;
  if (rows.length === 0) return `${title}\n\nNone: the environment equals the program.\n`;
  const head = `| \`npm run up -- ${environment} --refresh\` would | Resource | Fields |\n|---|---|---|`;
  return `${title}\n\n${head}\n${rows.join('\n')}\n`;
}
