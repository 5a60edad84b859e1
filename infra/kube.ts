import { execFile } from './programs/child-process.ts';

/** What kubectl printed, or why it failed. */
export interface Answer {
  readonly ok: boolean;
  readonly said: string;
}

/**
 * Asks kubectl, for ten seconds at most.
 * @param context of the kubeconfig; the current one when left out
 * @throws Error when there is no kubectl
 */
export function askKubectl(args: readonly string[], context: string | undefined): Promise<Answer> {
  const always = ['--request-timeout=10s', ...(context ? [`--context=${context}`] : [])];
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', [...args, ...always], (error, stdout, stderr) => {
      if (error?.code === 'ENOENT')
        reject(new Error('kubectl is not installed: https://kubernetes.io/docs/tasks/tools/'));
      else if (error) resolve({ ok: false, said: stderr.trim() || error.message });
      else resolve({ ok: true, said: stdout });
    });
    // It asks for a name and a password where the kubeconfig has none; nobody would see that.
    child.stdin?.end();
  });
}

/** Why no cluster answers; undefined when one does. @param context as that of {@link askKubectl} */
export async function unreachable(context?: string): Promise<string | undefined> {
  try {
    const { ok, said } = await askKubectl(['get', '--raw', '/readyz'], context);
    return ok ? undefined : said;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Which cluster a context means, for people: its name and the server. @throws Error when there is no such context */
export async function clusterOf(context: string | undefined): Promise<string> {
  const format = 'jsonpath={.current-context} ({.clusters[0].cluster.server})';
  const { ok, said } = await askKubectl(['config', 'view', '--minify', '-o', format], context);
  if (!ok) throw new Error(`kubectl knows no such cluster: ${said}`);
  return said;
}
