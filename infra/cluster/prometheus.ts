import { type Prometheus, prometheusAt } from '../prometheus.ts';
import type { Kubectl } from './kubectl.ts';

/** Opens a port to the Prometheus of an environment for as long as a function runs. */
export async function withPrometheus<T>(
  kubectl: Kubectl,
  use: (prometheus: Prometheus) => Promise<T>,
): Promise<T> {
  const forward = await kubectl.forward('service/prometheus', 9090);
  try {
    return await use(prometheusAt(`http://127.0.0.1:${forward.port}`));
  } finally {
    forward.close();
  }
}
