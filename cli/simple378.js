#!/usr/bin/env node
// The launcher of `npx simple378`: plain JavaScript without dependencies, because it runs before the packages are
// installed and on any Node.js from 20. It installs what the lockfile asks for and then runs cli/main.ts with a
// Node.js that reads TypeScript: this one if it can, else the pinned one.
import { spawn } from 'node:child_process';
import * as module from 'node:module';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingPackages, setUp } from './setup.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const bin = join(root, 'node_modules', '.bin');
const main = join(root, 'cli', 'main.ts');
const launcher = fileURLToPath(import.meta.url);

const [command, ...args] = process.argv.slice(2);
if (command === 'doctor' && readsTypeScript()) {
  // The doctor must answer where the packages cannot be installed, so it skips the set-up.
  process.exitCode = await (await import('./doctor/main.ts')).doctor(args, missingPackages);
} else {
  setUp();
  // Programs that commands start, such as Pulumi, take `node` from PATH.
  process.env.PATH = [bin, process.env.PATH].join(delimiter);
  if (readsTypeScript()) {
    module.enableCompileCache?.(join(root, 'node_modules', '.cache', 'compile'));
    await import('./main.ts');
  } else runPinned();
}

function readsTypeScript() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18);
}

function runPinned() {
  const child = spawn(join(bin, 'node'), [command === 'doctor' ? launcher : main, ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  // The terminal sends Ctrl-C to both processes; the child decides when it ends.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 143);
  });
}
