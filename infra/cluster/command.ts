import { type ParseArgsConfig, parseArgs } from 'node:util';
import { unreachable } from '../kube.ts';
import { BadSettings, type Settings } from '../settings/index.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

/** Ends a command in order: what it throws is one message, 78 for bad settings and 2 for anything else. */
export async function exitCodeOf(name: string, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    return error instanceof BadSettings ? 78 : 2;
  }
}

type Options = NonNullable<ParseArgsConfig['options']>;

const common = {
  set: { type: 'string', multiple: true, default: [] as string[] },
  help: { type: 'boolean', default: false },
} as const;

/** What `parseArgs` makes of a command's own options and `--set`. */
type Values<O extends Options> = ReturnType<
  typeof parseArgs<{ options: O & typeof common; allowPositionals: true }>
>['values'];

/**
 * Runs a command about an environment and gives its exit code: usage on `--help`, trouble as {@link exitCodeOf} has it.
 * @param options its own, beside `--set` and `--help`
 * @param body gets its options and what is no option
 */
export function environmentCommand<const O extends Options>(
  name: string,
  help: string,
  options: O,
  body: (values: Values<O>, positionals: readonly string[]) => Promise<number>,
): Promise<number> {
  return exitCodeOf(name, async () => {
    const parsed = parseArgs({ options: { ...options, ...common }, allowPositionals: true });
    const values = parsed.values as Values<O> & { readonly help: boolean };
    if (!values.help) return body(values, parsed.positionals);
    console.log(help);
    return 0;
  });
}

/** kubectl for the cluster and namespace of an environment. @throws Error when no cluster answers */
export async function reach({
  namespace,
  cluster: { context },
}: Pick<Settings, 'namespace' | 'cluster'>): Promise<Kubectl> {
  const why = await unreachable(context);
  if (why) throw new Error(`no cluster answers: ${why}`);
  return kubectlFor(namespace, context);
}
