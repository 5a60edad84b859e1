import type { Kubectl } from './kubectl.ts';

/** The Prometheus of an environment, through a forwarded port. */
export interface Prometheus {
  /** The `data` of an answer of its API. @throws Error with what it complained of */
  get<T>(path: string): Promise<T>;
  /** The series of an instant query. @throws Error where the query is wrong */
  query(expression: string): Promise<readonly { readonly value: readonly [number, string] }[]>;
}

/** Opens a port to Prometheus for as long as a function runs. */
export async function withPrometheus<T>(
  kubectl: Kubectl,
  use: (prometheus: Prometheus) => Promise<T>,
): Promise<T> {
  const forward = await kubectl.forward('service/prometheus', 9090);
  const get = async <D>(path: string): Promise<D> => {
    const answer = await fetch(`http://127.0.0.1:${forward.port}/api/v1/${path}`);
    const { data, error } = (await answer.json()) as { data?: D; error?: string };
    if (data === undefined) throw new Error(`Prometheus, ${path}: ${error ?? `status ${answer.status}`}`);
    return data;
  };
  try {
    return await use({
      get,
      query: async (expression) =>
        (await get<{ result: [] }>(`query?query=${encodeURIComponent(expression)}`)).result,
    });
  } finally {
    forward.close();
  }
}
