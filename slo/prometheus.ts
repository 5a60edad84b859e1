/** The HTTP API of a Prometheus server. */
export interface Prometheus {
  /** Runs an instant query; every series has one point. @throws QueryFailed */
  query(expression: string): Promise<Series[]>;
  /** Runs a range query. @throws QueryFailed */
  queryRange(expression: string, range: Range): Promise<Series[]>;
  /** Returns the values of a label among the series that a selector matches. @throws QueryFailed */
  labelValues(label: string, selector: string): Promise<string[]>;
  /** Returns the `data` of any other answer, by its path below `/api/v1/`. @throws QueryFailed */
  get<T>(path: string): Promise<T>;
}

/** One series: its labels, and points of Unix seconds and value. */
export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [number, number])[];
}

/** A time range and its step, in Unix seconds and seconds. */
export interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
}

/** Prometheus gave no answer within 30 s, or refused the query. */
export class QueryFailed extends Error {}

/** Returns a client of the Prometheus at an address, such as `http://127.0.0.1:9090`. */
export function prometheusAt(address: string): Prometheus {
  const get = async <T>(path: string): Promise<T> => {
    let answer: { status: string; error?: string; data: T };
    try {
      const url = `${address.replace(/\/$/, '')}/api/v1/${path}`;
      const response = await fetch(url, { signal: AbortSignal.timeout(30_000) });
      answer = (await response.json()) as typeof answer;
    } catch (error) {
      const { message, cause } = error as Error & { cause?: Error };
      throw new QueryFailed(`no answer from Prometheus at ${address}: ${cause?.message ?? message}`);
    }
    if (answer.status !== 'success')
      throw new QueryFailed(`Prometheus at ${address}: ${answer.error}: ${decodeURIComponent(path)}`);
    return answer.data;
  };
  const series = async (path: string, parameters: Record<string, string>): Promise<Series[]> => {
    const { result } = await get<{ result: RawSeries[] }>(`${path}?${new URLSearchParams(parameters)}`);
    return result.map(({ metric, value, values = [] }) => ({
      labels: metric,
      points: (path === 'query' && value ? [value] : values).map(
        ([time, text]) => [time, Number(text)] as const,
      ),
    }));
  };
  return {
    get,
    query: (query) => series('query', { query }),
    queryRange: (query, { start, end, step }) =>
      series('query_range', { query, start: String(start), end: String(end), step: String(step) }),
    labelValues: (label, selector) =>
      get(`label/${label}/values?${new URLSearchParams({ 'match[]': selector })}`),
  };
}

interface RawSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
