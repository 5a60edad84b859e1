import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { howToGet, present, type ServerName, servers } from '../../infra/local/binaries.ts';
import { busyPorts } from '../../infra/local/ports.ts';

/** What one check found. */
export interface Finding {
  readonly name: string;
  readonly state: 'ok' | 'missing' | 'note';
  /** Version, place, or what is wrong. */
  readonly detail: string;
  /** What to do, unless it is ok. */
  readonly remedy?: string;
}

/** A program that something here uses. */
interface Tool {
  readonly name: string;
  /** Names it goes by; the first that answers counts. */
  readonly programs: readonly (readonly [string, ...string[]])[];
  readonly required?: boolean;
  readonly without: string;
  readonly remedy: string;
}

/** Programs, most needed first. */
const tools: readonly Tool[] = [
  {
    name: 'git',
    programs: [['git', '--version']],
    required: true,
    without: 'nothing works',
    remedy: 'install git',
  },
  {
    name: 'promtool',
    programs: [['promtool', '--version']],
    without: 'rule tests are skipped',
    remedy: 'it comes with Prometheus',
  },
  {
    name: 'k6',
    programs: [['k6', 'version']],
    without: '`npm run loadtest` needs Docker; `npm run test:load` needs neither',
    remedy: 'https://grafana.com/docs/k6/latest/set-up/install-k6/',
  },
  {
    name: 'Docker or Podman',
    programs: [
      ['docker', 'info', '--format', 'Docker {{.ServerVersion}}'],
      ['podman', '--version'],
    ],
    without: 'no image builds and no kind cluster here',
    remedy: 'https://docs.docker.com/engine/install/',
  },
  {
    name: 'kind',
    programs: [['kind', 'version']],
    without: '`npm run kind` is not to be had',
    remedy: 'https://kind.sigs.k8s.io/docs/user/quick-start/',
  },
  {
    name: 'kubectl',
    programs: [['kubectl', 'version', '--client']],
    without: 'no gates against a cluster',
    remedy: 'https://kubernetes.io/docs/tasks/tools/',
  },
  {
    name: 'kubeconfig',
    programs: [['kubectl', 'config', 'current-context']],
    without: 'kubectl and Pulumi know no cluster',
    remedy: 'export KUBECONFIG=… or `npm run kind`',
  },
  {
    name: 'Pulumi',
    programs: [['pulumi', 'version']],
    without: '`npm run up` is not to be had; `npm run render` and `npm run policies` work',
    remedy: 'https://www.pulumi.com/docs/install/',
  },
  {
    name: 'Pulumi login',
    programs: [['pulumi', 'whoami', '--non-interactive']],
    without: 'no state to bring an environment up from',
    remedy: 'pulumi login, or pulumi login --local',
  },
];

/** The servers of the local stack: what is here, and what `npm start` would look for. */
export function serverFindings(environment = process.env): Finding[] {
  return (Object.keys(servers) as ServerName[]).map((name) => {
    const found = present(name, environment);
    if (found !== undefined) return { name, state: 'ok', detail: `${found.version}, ${found.source}` };
    const without = servers[name].cost ?? 'nothing works';
    return {
      name,
      state: 'note',
      detail: `not here yet: \`npm start\` gets it where it can; without it ${without}`,
      remedy: howToGet(name),
    };
  });
}

/** Looks for every program. */
export function toolFindings(): Finding[] {
  return tools.map(({ name, programs, required, without, remedy }) => {
    const answer = programs.map(([program, ...args]) => ask(program, args)).find((line) => line !== null);
    return answer === undefined
      ? { name, state: required ? 'missing' : 'note', detail: `not found: ${without}`, remedy }
      : { name, state: 'ok', detail: answer };
  });
}

/** The Node.js that runs this, which is the one that runs everything. */
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

/** Whether the packages are there. */
export function packagesFinding(root: string): Finding {
  return existsSync(join(root, 'node_modules', '.lockfile-sha256'))
    ? { name: 'packages', state: 'ok', detail: 'installed' }
    : {
        name: 'packages',
        state: 'note',
        detail: 'not installed by a command here yet',
        remedy: 'npm start or npm test',
      };
}

/** Room for what the local stack keeps. */
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

/** Ports of the local stack that something else holds. */
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

function ask(program: string, args: readonly string[]): string | null {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
  const [line = ''] = `${stdout}\n${stderr}`.trim().split('\n');
  return status === 0 && line !== '' ? line.slice(0, 80) : null;
}

function freeBytes(path: string): number {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize;
}
