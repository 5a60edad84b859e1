import { parseArgs } from 'node:util';
import { type Script, scripts } from '../scenarios/run-file.ts';

/** The command line of `npm run loadtest`. */
export interface Options {
  readonly script: Script;
  readonly target?: string[] | undefined;
  readonly internal?: string[] | undefined;
  readonly ca?: string | undefined;
  readonly users?: string | undefined;
  readonly internalCa?: string | undefined;
  readonly policies?: string | undefined;
  readonly only?: string[] | undefined;
  readonly seconds?: number | undefined;
  readonly to?: number | undefined;
  readonly localIps?: string | undefined;
  readonly shared: boolean;
  readonly prepare: boolean;
}

/** What `--help` prints. */
export const usage = `npm run loadtest -- <script> [options]

Runs a k6 script against the local stack, or another target, and compares its 429s with the service's counters.

  limits       exactly the quota of every policy comes through; headers, Retry-After, isolation, no way around (4 min)
  burst        all of \`intensive\` at once (10 s)
  attack       nine tenths over the limit, others unharmed (75 s)
  mixed        a working day, nobody over a limit (1 min)
  soak         the same for half an hour
  spike        ten times the traffic at once (1 min)
  breakpoint   rising rate to the knee (2 min)

  --target URL       base URL of the API; several for several replicas (default: .local/stack.json)
  --users FILE       JSON list of {email, password, role} with an admin, who creates the load accounts, and at the end
                     of a run with --target disables them
  --ca FILE          CA certificate of the target
  --internal URL     base URL of a replica's internal port; several; without them counters are not compared
  --internal-ca FILE its CA, when it is another
  --shared           others use the target too: its deny counters must have grown by at least the 429s that k6 saw, not
                     by exactly so many
  --policies FILE    JSON list of the policies in force (default: what the local stack was started with)
  --only NAMES       limits: these policies only, by comma
  --seconds N        mixed, soak, spike: another duration
  --to N             breakpoint: highest rate, requests per second (default 1200)
  --local-ips RANGE  addresses of this machine to send from (default on Linux to loopback: a thousand)
  --prepare          write accounts and run file, print the k6 command, and stop; the accounts stay enabled until the
                     next run

Exit: 0 holds, 1 does not, 2 could not check or wrong usage. Reports: reports/loadtest/.`;

/** Reads the command line. @throws Error with what is wrong; \`null\` asks for help */
export function readOptions(args: string[]): Options | null {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      target: { type: 'string', multiple: true },
      internal: { type: 'string', multiple: true },
      ca: { type: 'string' },
      users: { type: 'string' },
      'internal-ca': { type: 'string' },
      policies: { type: 'string' },
      only: { type: 'string' },
      seconds: { type: 'string' },
      to: { type: 'string' },
      'local-ips': { type: 'string' },
      shared: { type: 'boolean', default: false },
      prepare: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help) return null;
  const [name, ...rest] = positionals;
  const script = scripts.find((candidate) => candidate === name);
  if (script === undefined || rest.length > 0)
    throw new Error(
      `name one script: ${scripts.join(', ')}${name === undefined ? '' : ` (not ${positionals.join(' ')})`}`,
    );
  return {
    script,
    target: values.target,
    internal: values.internal,
    ca: values.ca,
    users: values.users,
    internalCa: values['internal-ca'],
    policies: values.policies,
    only: values.only?.split(','),
    seconds: positive('--seconds', values.seconds),
    to: positive('--to', values.to),
    localIps: values['local-ips'],
    shared: values.shared,
    prepare: values.prepare,
  };
}

function positive(option: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (!/^[1-9]\d{0,5}$/.test(value)) throw new Error(`${option} takes a whole number from 1, not ${value}`);
  return Number(value);
}
