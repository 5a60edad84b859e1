/** Every command of the repository, grouped as `npm run help` and the README show them. */

/** One npm script. */
export interface Command {
  /** Name of the npm script. */
  readonly name: string;
  /** What it does, in one line. */
  readonly does: string;
}

/** Commands that belong together. */
export interface Group {
  readonly title: string;
  readonly commands: readonly Command[];
}

/** What a person types for a script. */
export function typed(name: string): string {
  return name === 'start' || name === 'test' || name === 'stop' ? `npm ${name}` : `npm run ${name}`;
}

/** All of them; a test compares the list with package.json. */
export const groups: readonly Group[] = [
  {
    title: 'Run it here',
    commands: [
      {
        name: 'start',
        does: 'the whole stack on this machine; Ctrl-C stops it; `-- --smoke` proves it and stops',
      },
      { name: 'stop', does: 'stop a stack that runs elsewhere' },
      { name: 'status', does: 'what runs, and where' },
      {
        name: 'rotate-keys',
        does: 'a new data key for the local stack, or cases of an environment sealed anew; no restart',
      },
      { name: 'doctor', does: 'what is installed, what is missing, and what to do about it' },
    ],
  },
  {
    title: 'Change it',
    commands: [
      { name: 'test', does: 'all tests' },
      { name: 'check', does: 'lint, types, generated files' },
      { name: 'fix', does: 'format and fix what can be fixed' },
      { name: 'ci:local', does: 'the gates of a pull request' },
    ],
  },
  {
    title: 'See it',
    commands: [
      { name: 'dashboards:preview', does: 'a picture of every dashboard with the running stack’s data' },
      { name: 'slo:simulate', does: 'when each alert fires for an error curve' },
      { name: 'watch', does: 'exit 1 as soon as an error budget burns' },
    ],
  },
  {
    title: 'Prove it',
    commands: [
      { name: 'policies', does: 'judge every environment by the security checklist' },
      { name: 'security-verify', does: 'prove the checklist on what runs' },
      { name: 'mutants:security', does: 'break every control once; something must notice' },
      { name: 'loadtest', does: 'k6: limits, burst, attack, mixed, soak, spike, breakpoint' },
      { name: 'bench:limiter', does: 'the limiter beside its peers' },
      { name: 'bench:tracing', does: 'what a trace collector that fails costs the service' },
      { name: 'bench:memory', does: 'what users cost Redis, from a thousand to a million' },
      {
        name: 'bench:capacity',
        does: 'the highest rate that keeps the objectives; settings refuse limits above it',
      },
      { name: 'faults', does: 'the limiter and its peers under a Redis that fails; writes FAULTS.md' },
      { name: 'mutants:limiter', does: 'break the limiter in known ways; a test must notice' },
      { name: 'test:alerts', does: 'break the running stack; the right alert must arrive' },
      { name: 'docs:test', does: 'run the commands that the documents show' },
      { name: 'docs:follow', does: 'follow “adding an endpoint” on a copy, and run all tests there' },
    ],
  },
  {
    title: 'Deliver it',
    commands: [
      { name: 'render', does: 'every environment’s manifests, without a cluster' },
      { name: 'render:diff', does: 'what a change does to each environment' },
      { name: 'up', does: 'policies, preview and `pulumi up` of one environment' },
      { name: 'kind', does: 'a local cluster with the stack in it' },
      { name: 'restore', does: 'bring a copy of Redis back into an environment' },
      { name: 'carry-keys', does: 'take the data keys of one stack along to another' },
      { name: 'probe-network', does: 'who reaches whom in a cluster, tried' },
      { name: 'test:cluster', does: 'prove a stack in a cluster' },
      {
        name: 'test:engine',
        does: 'preview every environment with Pulumi itself: same findings, no secret in plain',
      },
      { name: 'release', does: 'bring an environment up with an image, or back' },
      { name: 'gate', does: 'one gate of a roll-out against an environment' },
      { name: 'drift', does: 'what differs between an environment and this program' },
    ],
  },
];
