// Runs before npm scripts, on Node.js 20 or newer, hence plain JavaScript without dependencies. It installs the packages of
// the lockfile when that changed or a package is missing, and checks that a Node.js which runs TypeScript is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.lockfile-sha256');

if (realpathSync(process.argv[1] ?? '.') === fileURLToPath(import.meta.url)) setUp();

/**
 * Returns the folders of packages that the lockfile has and this checkout lacks, those of the workspaces too. Optional
 * packages do not count, because they may be for another platform.
 * @param {string} folder the checkout
 * @returns {string[]}
 */
export function missingPackages(folder) {
  const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  return Object.entries(packages)
    .filter(([path, { optional }]) => path.includes('node_modules/') && !optional)
    .map(([path]) => path)
    .filter((path) => !existsSync(join(folder, path, 'package.json')));
}

/** Installs the packages where some are missing, and ends the process with a sentence where that fails. */
export function setUp() {
  try {
    if (reasonToInstall() !== undefined) alone(install);
    checkNode();
  } catch (error) {
    fail(error.message);
  }
}

function lockfileHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

/** Why packages must be installed, or undefined. */
function reasonToInstall() {
  if (!existsSync(stampFile)) return 'this checkout has none yet';
  if (readFileSync(stampFile, 'utf8') !== lockfileHash()) return 'package-lock.json changed';
  const [first, ...more] = missingPackages(root);
  return first && `${first}${more.length > 0 ? ` and ${more.length} more` : ''} missing`;
}

/** Takes a lock, because two installs into one folder break each other. */
function alone(body) {
  const lock = join(root, '.setup.lock');
  for (let said = false; ; ) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (!isAlive(holderOf(lock))) rmSync(lock, { force: true });
    else if (!said) {
      console.error('simple378: another command installs dependencies, waiting for it');
      said = true;
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
  process.on('exit', () => rmSync(lock, { force: true }));
  body();
}

function holderOf(lock) {
  try {
    return Number(readFileSync(lock, 'utf8'));
  } catch {
    return 0;
  }
}

/** Whether a process exists. A lock that was just made is empty and counts as 0, this process's own group, which is alive. */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function install() {
  // Another command may have installed them while this one waited for the lock.
  const reason = reasonToInstall();
  if (reason === undefined) return;
  console.error(`simple378: installing dependencies with npm ci (${reason})`);
  // npm is run by path where npm runs this script, so that PATH does not matter.
  const npm = process.env.npm_execpath;
  const npmCi = ['ci', '--loglevel=error'];
  const [program, args] = npm ? [process.execPath, [npm, ...npmCi]] : ['npm', npmCi];
  const { status } = spawnSync(program, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail('npm ci failed, see above; is a package registry reachable (npm ping)?');
  writeFileSync(stampFile, lockfileHash());
}

/** npm scripts find `node_modules/.bin/node`, the pinned one, first. Without it, the machine's must be recent enough. */
function checkNode() {
  if (existsSync(join(modules, '.bin', 'node'))) return;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  fail(
    `no pinned Node.js for ${process.platform}-${process.arch}, and this one is ${process.version}; ` +
      'install Node.js 22.18 or newer (24 is what the tests use)',
  );
}

function fail(message) {
  console.error(`simple378: ${message}`);
  process.exit(2);
}
