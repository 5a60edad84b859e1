import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { type ImageName, imageCatalogue } from '../settings/images.ts';
import type { Resolved, ResolveOptions } from './binaries.ts';
import { containerEngine } from './containers.ts';
import { firstLine, has, type Installed } from './debian.ts';
import { home } from './layout.ts';
import { succeeds } from './succeeds.ts';

/** With it, packages that are being installed do not start their services. */
const policyFile = '/usr/sbin/policy-rc.d';

/** Installs by apt where we are root already: the last thing tried on Debian, and said before it happens. */
export async function aptInstallAsRoot(
  server: { readonly debian?: string },
  { environment, say }: ResolveOptions,
): Promise<Installed | undefined> {
  if (server.debian === undefined || process.getuid?.() !== 0 || !has('apt-get', environment))
    return undefined;
  say(`installing the package ${server.debian} with apt-get, its service kept from starting`);
  const guard = !existsSync(policyFile);
  try {
    if (guard) {
      writeFileSync(policyFile, '#!/bin/sh\nexit 101\n');
      chmodSync(policyFile, 0o755);
    }
    const env = { ...environment, DEBIAN_FRONTEND: 'noninteractive' } as NodeJS.ProcessEnv;
    run('apt-get', ['-qq', 'update'], env);
    run('apt-get', ['-qq', 'install', '-y', '--no-install-recommends', server.debian], env);
    return { path: '/usr/bin:/usr/sbin', env: {}, source: 'installed by apt-get' };
  } catch (error) {
    say(`that did not work: ${firstLine(error)}`);
    return undefined;
  } finally {
    if (guard) rmSync(policyFile, { force: true });
  }
}

/** Installs by Homebrew, which needs no root and starts no service. */
export async function brewInstall(
  server: { readonly brew?: string },
  { environment, say }: ResolveOptions,
): Promise<Installed | undefined> {
  if (server.brew === undefined || !has('brew', environment)) return undefined;
  say(`installing ${server.brew} with Homebrew`);
  try {
    const env = environment as NodeJS.ProcessEnv;
    run('brew', ['install', '--quiet', server.brew], env);
    const prefix = run('brew', ['--prefix', server.brew], env).trim();
    return { path: `${prefix}/bin:${prefix}/sbin`, env: {}, source: 'installed by Homebrew' };
  } catch (error) {
    say(`that did not work: ${firstLine(error)}`);
    return undefined;
  }
}

/** Gets the pinned image where Docker or Podman answers. */
export async function pulledImage(
  name: string,
  { image, entrypoint }: { readonly image: ImageName; readonly entrypoint: string },
  { environment, say }: ResolveOptions,
): Promise<Resolved | undefined> {
  const engine = containerEngine(environment);
  if (engine === undefined) return undefined;
  const reference = imageCatalogue[image];
  if (!succeeds([engine.name, 'image', 'inspect', reference], environment)) {
    say(`pulling ${reference.split('@')[0]} with ${engine.name} (once)`);
    try {
      run(engine.name, ['pull', '--quiet', reference], environment as NodeJS.ProcessEnv);
    } catch (error) {
      say(`that did not work: ${firstLine(error)}`);
      return undefined;
    }
  }
  const container = `simple378-${createHash('sha256').update(home).digest('hex').slice(0, 8)}-${name}`;
  return {
    command: [
      ...[engine.name, ...engine.run, '--name', container, '--volume', `${home}:${home}`],
      // Podman waits this long, ten seconds else, before it kills what is removed; Docker kills at once.
      ...['--stop-timeout', '0'],
      ...['--entrypoint', entrypoint, reference],
    ],
    clear: [engine.name, 'rm', '--force', container],
    env: {},
    source: `image, by ${engine.name}`,
    version: /:v?([^@:]+)@/.exec(reference)?.[1] ?? 'pinned',
  };
}

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): string =>
  execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
