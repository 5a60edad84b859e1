/** A Prometheus server, by its API. */
export interface Prometheus {
  /** The `data` of an answer of its API. @throws Error with what it complained of, or after ten seconds */
  get<T>(path: string): Promise<T>;
  /** The series of an instant query. @throws Error where the query is wrong */
  query(expression: string): Promise<readonly { readonly value: readonly [number, string] }[]>;
}

/** The Prometheus at an address, such as `http://127.0.0.1:9090`. */
export function prometheusAt(address: string): Prometheus {
  const get = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`${address}/api/v1/${path}`, { signal: AbortSignal.timeout(10_000) });
    const { data, error } = (await answer.json()) as { data?: T; error?: string };
    if (data === undefined) throw new Error(`Prometheus, ${path}: ${error ?? `status ${answer.status}`}`);
    return data;
  };
  return {
    get,
    query: async (expression) =>
      (await get<{ result: [] }>(`query?query=${encodeURIComponent(expression)}`)).result,
  };
}
