import Type from 'typebox';
import { Check } from 'typebox/value';
import { pulumi } from './pulumi.ts';

/** Of `pulumi stack export --show-secrets`. */
const State = Type.Object({
  deployment: Type.Object({
    resources: Type.Optional(
      Type.Array(Type.Object({ urn: Type.String(), outputs: Type.Optional(Type.Unknown()) })),
    ),
  }),
});

/** The outputs of a `RandomPassword`: a secret is its JSON text under `plaintext`. */
const Generated = Type.Object({ result: Type.Object({ plaintext: Type.String() }) });

/** Of `pulumi config --show-secrets --json`. */
const Configuration = Type.Record(Type.String(), Type.Object({ value: Type.Optional(Type.String()) }));

/**
 * What the data keys of a stack are made of, by the name of the configuration value that carries each to another one.
 * @param state its exported state, secrets shown: keys that it generated
 * @param configuration its configuration, secrets shown: keys that were carried to it
 * @throws Error when the CLI's output is not what is known of it
 */
export function dataKeysOf(state: unknown, configuration: unknown): Map<string, string> {
  if (!Check(State, state)) throw new Error('what pulumi stack export printed is not a state');
  if (!Check(Configuration, configuration)) throw new Error('what pulumi config printed is no configuration');
  const keys = new Map<string, string>();
  for (const { urn, outputs } of state.deployment.resources ?? []) {
    const [, generation] = urn.match(/::bytes\/data-key\/(.+)$/) ?? [];
    if (generation === undefined) continue;
    if (!Check(Generated, outputs)) throw new Error(`the state shows no value of data key ${generation}`);
    keys.set(`data-key-${generation}`, JSON.parse(outputs.result.plaintext));
  }
  for (const [key, { value }] of Object.entries(configuration)) {
    const [, name] = key.match(/^simple378:(data-key-.+)$/) ?? [];
    if (name !== undefined && value !== undefined) keys.set(name, value);
  }
  return keys;
}

/**
 * Copies the data keys of one Pulumi stack into the configuration of another, encrypted, so that a backup of Redis can be
 * read there.
 * @returns the names of the configuration values
 * @throws Error when the first stack has no keys or the second already has keys of its own
 */
export function carryKeys(from: string, to: string): string[] {
  const keys = dataKeysOf(stateOf(from), configurationOf(from));
  if (keys.size === 0)
    throw new Error(`stack ${from} has no data keys: is it up, and is its secrets.source "config"?`);
  if (dataKeysOf(stateOf(to), {}).size > 0)
    throw new Error(
      `stack ${to} has keys of its own, and the cases encrypted with them would be lost; name a new stack`,
    );
  // By standard input, because every user of this machine can see the arguments of a process.
  for (const [name, value] of keys)
    pulumi(['config', 'set', '--secret', '--stack', to, `simple378:${name}`], value);
  return [...keys.keys()];
}

const stateOf = (stack: string): unknown =>
  JSON.parse(pulumi(['stack', 'export', '--show-secrets', '--stack', stack]));

const configurationOf = (stack: string): unknown =>
  JSON.parse(pulumi(['config', '--show-secrets', '--json', '--stack', stack]));
