import { parseArgs } from 'node:util';
import { startService } from './service.ts';
import { type Configuration, loadConfiguration } from './settings/load.ts';
import { SettingsError } from './settings/settings.ts';
import { emit } from './telemetry/events.ts';

const help = `Usage: node app/src/main.ts [--check-config]

Runs the case service. Settings come from the environment and from the files it names; app/README.md lists them.

  --check-config  read and check all settings and files, and exit
  --help          show this

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage, 78 bad settings.
`;

const exit = { failed: 1, usage: 2, badSettings: 78 } as const;

await main();

async function main(): Promise<void> {
  const options = readOptions();
  if (options.help) {
    process.stdout.write(help);
    return;
  }
  const configuration = readConfiguration();
  if (options['check-config']) {
    process.stdout.write('The settings are complete and well formed.\n');
    return;
  }
  await run(configuration);
}

async function run(configuration: Configuration): Promise<void> {
  const service = await startService(configuration).catch((error: unknown) => {
    const { code, port } = error as NodeJS.ErrnoException & { port?: number };
    if (code !== 'EADDRINUSE' && code !== 'EACCES') throw error;
    quit(exit.failed, `Port ${port} cannot be listened on (${code}): stop what uses it, or set another port`);
  });
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    // Asked twice: whoever asks does not want to wait for open requests.
    if (stopping) process.exit(exit.failed);
    stopping = true;
    await service.stop();
    process.exit(code);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(0));
  // State after an unexpected error is unknown: finish what is open, and let the supervisor start anew.
  const crash = (error: unknown): void => {
    emit(service.context.log, 'crashed', { err: error });
    if (!stopping) void stop(exit.failed);
  };
  process.on('uncaughtException', crash);
  process.on('unhandledRejection', crash);
}

function readOptions() {
  try {
    return parseArgs({
      options: { 'check-config': { type: 'boolean' }, help: { type: 'boolean' } },
    }).values;
  } catch (error) {
    quit(exit.usage, `${(error as Error).message}\n\n${help}`);
  }
}

function readConfiguration(): Configuration {
  try {
    return loadConfiguration(process.env);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    const lines = error.problems.map(({ name, found, remedy }) => `  ${name} ${found}; ${remedy}`);
    quit(exit.badSettings, `The service cannot start, its settings are wrong:\n${lines.join('\n')}`);
  }
}

function quit(code: number, message: string): never {
  process.stderr.write(`${message}\n`);
  process.exit(code);
}
