// Runs before npm scripts, on whatever Node 20 or newer the machine has, hence plain JavaScript without
// dependencies: installs what the lockfile asks for when it changed, and checks that a Node which runs
// TypeScript is there. Warm it reads two files and does nothing.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const modules = join(root, 'node_modules');
const stampFile = join(modules, '.lockfile-sha256');
const wanted = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');

if (!isCurrent()) alone(() => isCurrent() || install());
checkNode();

function isCurrent() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted;
}

/** Two installs into one folder break each other: `npm start` and `npm test` right after a clone must not. */
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

/** A lock that was just made is empty for a moment: 0, which is this process's own group and alive. */
function isAlive(pid) {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function install() {
  console.error('simple378: installing dependencies (npm ci); once, and whenever package-lock.json changes');
  // The machine's own Node may be older than some packages want; the pinned one, which they get, is not.
  const npmCi = ['ci', '--loglevel=error'];
  const npm = process.env.npm_execpath;
  const result = npm
    ? spawnSync(process.execPath, [npm, ...npmCi], { cwd: root, stdio: 'inherit' })
    : spawnSync('npm', npmCi, { cwd: root, stdio: 'inherit' });
  if (result.status !== 0) {
    console.error('simple378: npm ci failed, see above; is a package registry reachable (npm ping)?');
    process.exit(2);
  }
  writeFileSync(stampFile, wanted);
}

/** npm scripts find `node_modules/.bin/node`, the pinned one, first; without it the machine's must do. */
function checkNode() {
  if (existsSync(join(modules, '.bin', 'node'))) return;
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major > 22 || (major === 22 && minor >= 18)) return;
  console.error(
    `simple378: no pinned Node.js for ${process.platform}-${process.arch}, and this one is ${process.version}; ` +
      'install Node.js 22.18 or newer (24 is what we test with)',
  );
  process.exit(2);
}
