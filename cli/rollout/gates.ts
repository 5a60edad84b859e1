/** An environment as its gates reach it. */
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

/** One gate: the ports that it needs forwarded, and its command. */
export interface Gate {
  readonly forwards: readonly ('internal' | 'prometheus')[];
  /** The command and its arguments. */
  readonly command: (environment: Environment) => readonly string[];
}

const loadTest = (script: string): Gate => ({
  forwards: ['internal'],
  command: ({ name, url, ca, users, policies, internal, internalCa }) => [
    ...['verify', 'load', script, '--target', url],
    ...(ca === null ? [] : ['--ca', ca]),
    ...['--users', users, '--policies', policies],
    ...internal.flatMap((port) => ['--internal', port]),
    ...['--internal-ca', internalCa],
    // Users of production are denied meanwhile too. Only the limits of one user are used up there: the others are shared.
    ...(name === 'prod' ? ['--shared'] : []),
    ...(name === 'prod' && script === 'limits' ? ['--only', 'default,intensive'] : []),
  ],
});

const securityVerify: Gate = {
  forwards: [],
  command: ({ name, url, ca, users }) => [
    ...['verify', 'security', '--target', url],
    ...(ca === null ? [] : ['--ca', ca]),
    ...['--users', users, '--behind-edge', '--junit', 'reports/security-verify.xml'],
    ...(name === 'prod' ? ['--read-only'] : []),
  ],
};

const errorBudgets: Gate = {
  forwards: ['prometheus'],
  command: ({ name, prometheus }) => [
    ...['verify', 'error-budgets', '--prometheus', prometheus, '--environment', name],
  ],
};

/** All gates by name. */
export const gates: Readonly<Record<string, Gate>> = {
  'security-verify': securityVerify,
  'error-budgets': errorBudgets,
  ...Object.fromEntries(
    ['limits', 'burst', 'attack', 'mixed', 'spike', 'soak'].map((script) => [script, loadTest(script)]),
  ),
};
