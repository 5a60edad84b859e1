import { BadSettings, type Settings } from '../settings.ts';
import { type Kubectl, kubectlFor, unreachable } from './kubectl.ts';

/** Ends a command in order: what it throws is one message, 78 for bad settings and 2 for anything else. */
export async function exitCodeOf(name: string, body: () => Promise<number>): Promise<number> {
  try {
    return await body();
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    return error instanceof BadSettings ? 78 : 2;
  }
}

/** kubectl for the namespace of an environment. @throws Error when no cluster answers */
export async function reach({ namespace }: Pick<Settings, 'namespace'>): Promise<Kubectl> {
  const why = await unreachable();
  if (why) throw new Error(`no cluster answers: ${why}`);
  return kubectlFor(namespace);
}
