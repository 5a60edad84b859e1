import { randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { spawn } from '../../infra/programs/child-process.ts';
import { loadSettings, writeStackSettings } from '../../infra/settings/index.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** How a run of the Pulumi CLI ended. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a stack is made of. */
export interface StackOptions {
  /** The environment whose settings it has. */
  readonly environment: string;
  /** Settings laid over the file's, by key path. */
  readonly changes?: Readonly<Record<string, unknown>>;
  /** Secret configuration by key without the project. */
  readonly secrets?: Readonly<Record<string, string>>;
}

/**
 * A Pulumi backend of its own in a temporary folder: state, passphrase and configuration of its stacks are there, and
 * neither the repository's files nor a login are touched. Plugins are those of this machine.
 */
export interface Workspace {
  /** Runs Pulumi on the program of this repository for a stack, without questions or colours. */
  pulumi(stack: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<Ran>;
  /** Makes a stack. @throws Error with what Pulumi says */
  init(stack: string, options: StackOptions): Promise<void>;
  /** Other settings for a stack. */
  configure(stack: string, options: Omit<StackOptions, 'secrets'>): void;
  /** The stack's state as the backend's file has it. */
  state(stack: string): string;
  /** Removes all of it. */
  close(): void;
}

/** @param options `cluster`: the one that kubectl's current context names; else an address where nobody answers */
export function openWorkspace({ cluster }: { readonly cluster: boolean }): Workspace {
  const folder = mkdtempSync(join(tmpdir(), 'simple378-engine-'));
  const at = (...path: string[]) => join(folder, ...path);
  for (const name of ['state', 'project']) mkdirSync(at(name));
  writeFileSync(at('passphrase'), randomBytes(24).toString('base64'), { mode: 0o600 });
  if (!cluster) writeFileSync(at('kubeconfig'), nowhere);
  copyFileSync(join(root, 'Pulumi.yaml'), at('project', 'Pulumi.yaml'));
  const settingsFile = (stack: string) => at('project', `Pulumi.${stack}.yaml`);
  const environment = {
    ...process.env,
    ...(cluster ? {} : { KUBECONFIG: at('kubeconfig') }),
    PULUMI_BACKEND_URL: `file://${at('state')}`,
    PULUMI_CONFIG_PASSPHRASE_FILE: at('passphrase'),
    PULUMI_CONFIG_PASSPHRASE: undefined,
    PULUMI_SKIP_UPDATE_CHECK: 'true',
  };
  const run = (cwd: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    spawned(cwd, [...args, '--non-interactive', '--color', 'never'], { ...environment, ...env });
  const inProject = async (stack: string, args: readonly string[]) => {
    const { code, stderr } = await run(at('project'), [...args, '--stack', stack]);
    if (code !== 0) throw new Error(`pulumi ${args[0]} ${args[1]}: ${stderr.trim()}`);
  };
  const configure: Workspace['configure'] = (stack, { environment: name, changes }) =>
    writeStackSettings(settingsFile(stack), name, changes);
  return {
    configure,
    pulumi: (stack, args, env) => {
      // A stack's file is read and written by some commands only; the others do not know the option.
      const reads = ['preview', 'up', 'refresh', 'destroy'].includes(args[0] ?? '');
      const file = reads ? ['--config-file', settingsFile(stack)] : [];
      return run(root, [...args, '--stack', stack, ...file], env);
    },
    async init(stack, { secrets = {}, ...options }) {
      const { code, stderr } = await run(at('project'), ['stack', 'init', stack, '--no-select']);
      if (code !== 0) throw new Error(`pulumi stack init: ${stderr.trim()}`);
      // Where none is given: the program asks for each, and nothing is sent.
      const { receivers } = loadSettings(options.environment, options.changes).alertmanager;
      const madeUp = receivers.map(({ name }) => [`receiver-${name}`, 'https://receiver.invalid/']);
      for (const [key, value] of Object.entries<string>({ ...Object.fromEntries(madeUp), ...secrets }))
        await inProject(stack, ['config', 'set', '--secret', `simple378:${key}`, value]);
      configure(stack, options);
    },
    state: (stack) => readFileSync(at('state', '.pulumi', 'stacks', 'simple378', `${stack}.json`), 'utf8'),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Nothing listens on port 1, so the provider previews what it can without a cluster, and changes nothing. */
const nowhere = stringify({
  apiVersion: 'v1',
  kind: 'Config',
  clusters: [{ name: 'nowhere', cluster: { server: 'https://127.0.0.1:1' } }],
  users: [{ name: 'nobody', user: {} }],
  contexts: [{ name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } }],
  'current-context': 'nowhere',
});

function spawned(cwd: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn('pulumi', [...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    child.on('error', reject);
    child.on('close', (code) =>
      resolve({
        code: code ?? 1,
        stdout: Buffer.concat(out).toString(),
        stderr: Buffer.concat(err).toString(),
      }),
    );
  });
}
