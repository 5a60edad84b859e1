import { parseArgs } from 'node:util';
import type { Logger } from 'pino';
import { checkGateway, startGateway } from './gateway/gateway.ts';
import { type ServiceOptions, startService } from './service.ts';
import { loadConfiguration } from './settings/load.ts';
import { SettingsError } from './settings/settings.ts';
import { emit } from './telemetry/events.ts';

const help = `Usage: node app/main.ts [limit-gateway] [--check-config]

Runs the case service, or with limit-gateway the rate limits for a service that has none. Settings come from the environment and from the files it names; app/README.md lists them.

  --check-config  read and check all settings and files, and exit
  --help          show this

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage, 78 bad settings.
`;

const codes = { stopped: 0, failed: 1, usage: 2, badSettings: 78 } as const;

/** What is needed of the process; a test brings its own. */
export interface Host {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  on(event: string, listener: (reason: unknown) => void): unknown;
  exit(code: number): void;
}

/** Runs the service until a signal ends it, or says why not. */
export async function command(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  host: Host,
  options: ServiceOptions = {},
): Promise<void> {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      options: { 'check-config': { type: 'boolean' }, help: { type: 'boolean' } },
      allowPositionals: true,
    });
    if (values.help) {
      host.stdout.write(help);
      return;
    }
    const [role, ...others] = positionals;
    if ((role !== undefined && role !== 'limit-gateway') || others.length > 0) {
      host.stderr.write(`${positionals.join(' ')} is not a role; the only one is limit-gateway\n\n${help}`);
      host.exit(codes.usage);
      return;
    }
    if (role === 'limit-gateway') {
      if (!values['check-config']) return endWith(host, await startGateway(environment, options.logTo));
      checkGateway(environment);
      host.stdout.write('The settings are complete and well formed.\n');
      return;
    }
    const configuration = loadConfiguration(environment);
    if (values['check-config']) {
      host.stdout.write('The settings are complete and well formed.\n');
      return;
    }
    endWith(host, await startService(configuration, options));
  } catch (error) {
    const { code, message } = explain(error);
    host.stderr.write(`${message}\n`);
    host.exit(code);
  }
}

/** Ends the service on a signal, and on an unexpected error, after which its state is unknown. */
function endWith(
  host: Host,
  service: { readonly context: { readonly log: Logger }; stop(): Promise<void> },
): void {
  let stopping = false;
  const stop = async (code: number): Promise<void> => {
    stopping = true;
    await service.stop();
    host.exit(code);
  };
  for (const signal of ['SIGTERM', 'SIGINT']) {
    host.on(signal, () => {
      // Asked twice: whoever asks does not want to wait for open requests.
      if (stopping) host.exit(codes.failed);
      else void stop(codes.stopped);
    });
  }
  for (const failure of ['uncaughtException', 'unhandledRejection']) {
    host.on(failure, (reason) => {
      emit(service.context.log, 'crashed', { err: reason });
      if (!stopping) void stop(codes.failed);
    });
  }
}

/** Returns the message and the exit code for a start that failed. */
function explain(error: unknown): { code: number; message: string } {
  if (error instanceof SettingsError) {
    const lines = error.problems.map(({ name, found, remedy }) => `  ${name} ${found}; ${remedy}`);
    return {
      code: codes.badSettings,
      message: `The service cannot start, its settings are wrong:\n${lines.join('\n')}`,
    };
  }
  const { code = '', message, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code.startsWith('ERR_PARSE_ARGS')) return { code: codes.usage, message: `${message}\n\n${help}` };
  if (code === 'EADDRINUSE' || code === 'EACCES') {
    const remedy = 'stop what uses it, or set another port';
    return { code: codes.failed, message: `Port ${port} cannot be listened on (${code}): ${remedy}` };
  }
  return { code: codes.failed, message: `The service cannot start: ${message}` };
}
