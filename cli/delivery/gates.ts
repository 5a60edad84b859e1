/** The gates of a roll-out: which command proves what, with what it needs to know of an environment. */

/** An environment as the outside sees it. */
export interface Environment {
  readonly name: string;
  readonly url: string;
  /** CA file of the edge's certificate; null where a public CA signs it. */
  readonly ca: string | null;
  /** File of its first users. */
  readonly users: string;
  /** File of its rate limits. */
  readonly policies: string;
  /** Internal ports of its replicas, forwarded to this machine, and their CA file. */
  readonly internal: readonly string[];
  readonly internalCa: string;
  /** Its Prometheus, forwarded to this machine. */
  readonly prometheus: string;
}

/** What a gate needs forwarded from the cluster. */
export type Forward = 'internal' | 'prometheus';

/** One gate. */
export interface Gate {
  readonly forwards: readonly Forward[];
  /** The npm script and its arguments. */
  readonly command: (environment: Environment) => readonly string[];
}

const loadtest = (script: string): Gate => ({
  forwards: ['internal'],
  command: ({ name, url, ca, users, policies, internal, internalCa }) => [
    'loadtest',
    script,
    '--target',
    url,
    ...(ca === null ? [] : ['--ca', ca]),
    ...['--users', users, '--policies', policies],
    ...internal.flatMap((port) => ['--internal', port]),
    ...['--internal-ca', internalCa],
    // In production others are denied meanwhile, too; and only limits of one user are met: the others are everybody's.
    ...(name === 'prod' ? ['--shared'] : []),
    ...(name === 'prod' && script === 'limits' ? ['--only', 'default,intensive'] : []),
  ],
});

/** All gates by name. */
export const gates: Readonly<Record<string, Gate>> = {
  'security-verify': {
    forwards: [],
    command: ({ name, url, ca, users }) => [
      'security-verify',
      '--target',
      url,
      ...(ca === null ? [] : ['--ca', ca]),
      ...['--users', users, '--behind-edge', '--junit', 'reports/security-verify.xml'],
      ...(name === 'prod' ? ['--read-only'] : []),
    ],
  },
  limits: loadtest('limits'),
  burst: loadtest('burst'),
  attack: loadtest('attack'),
  mixed: loadtest('mixed'),
  spike: loadtest('spike'),
  soak: loadtest('soak'),
  watch: {
    forwards: ['prometheus'],
    command: ({ name, prometheus }) => ['watch', '--prometheus', prometheus, '--environment', name],
  },
};
