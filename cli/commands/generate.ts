import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Command } from 'commander';
import { exits } from '../frame/command.ts';
import { root } from '../frame/process.ts';

/** `npm run generate` */
export function generate(): Command {
  return new Command('generate')
    .description(
      'write every generated file: OpenAPI, settings, objectives, dashboards, security checklist, tables of the guides',
    )
    .option('--check', 'write nothing; exit code 1 when a file is stale', false)
    .action(
      exits(async ({ check }: { check: boolean }, command: Command) => {
        let stale = 0;
        for (const generator of await generators(command.parent as Command))
          for (const [file, text] of Object.entries(await generator())) {
            const path = join(root, file);
            if (existsSync(path) && readFileSync(path, 'utf8') === text) continue;
            stale += 1;
            console.log(check ? `${file} is stale: npm run generate` : `wrote ${file}`);
            if (check) continue;
            mkdirSync(dirname(path), { recursive: true });
            writeFileSync(path, text);
          }
        return check && stale > 0 ? 1 : 0;
      }),
    );
}

/** Returns texts of generated files by their path in the repository. */
type Generator = () => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>;

/** All generators, in the order in which they must run: the guides may hold sections of several. */
async function generators(program: Command): Promise<Generator[]> {
  const [openapi, logEvents, serviceSettings, settings, slo, dashboards, security, access, guides] =
    await Promise.all([
      import('../../app/openapi.ts'),
      import('../docs/log-events.ts'),
      import('../docs/service-settings.ts'),
      import('../../infra/generated-files.ts'),
      import('../../slo/generate.ts'),
      import('../../dashboards/generate.ts'),
      import('../../policies/generate.ts'),
      import('../rollout/cluster-access.ts'),
      import('../docs/sections.ts'),
    ]);
  return [
    async () => ({ 'app/openapi.json': await openapi.openApiText() }),
    logEvents.logEventsPage,
    serviceSettings.serviceSettingsPage,
    settings.generated,
    slo.outputs,
    dashboards.outputs,
    security.outputs,
    access.clusterAccessFile,
    () => guides.guides(root, program),
  ];
}
