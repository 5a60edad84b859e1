import { unreachable } from '../kube.ts';
import type { Settings } from '../settings/index.ts';
import { type Kubectl, kubectlFor } from './kubectl.ts';

/** Returns kubectl for the cluster and namespace of an environment. @throws Error when no cluster answers */
export async function reach({
  namespace,
  cluster: { context },
}: Pick<Settings, 'namespace' | 'cluster'>): Promise<Kubectl> {
  const reason = await unreachable(context);
  if (reason) throw new Error(`no cluster answers: ${reason}`);
  return kubectlFor(namespace, context);
}
