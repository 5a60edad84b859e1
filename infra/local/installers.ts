import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import type { ResolveOptions } from './binaries.ts';
import { firstLine, has, type Installed } from './debian.ts';
import { home } from './layout.ts';

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

/** A container engine that answers, and how it runs an image as this user on this host's loopback. */
export function containerEngine(
  environment: ResolveOptions['environment'],
): { readonly name: string; readonly run: readonly string[] } | undefined {
  for (const name of ['docker', 'podman']) {
    try {
      execFileSync(name, ['info'], {
        env: environment as NodeJS.ProcessEnv,
        stdio: 'ignore',
        timeout: 10_000,
      });
    } catch {
      continue;
    }
    const user = `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
    return {
      name,
      run: [
        name,
        'run',
        '--rm',
        '--init',
        '--network',
        'host',
        '--user',
        user,
        '--read-only',
        '--volume',
        `${home}:${home}`,
      ],
    };
  }
  return undefined;
}

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv): string =>
  execFileSync(program, args, { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 300_000 });
