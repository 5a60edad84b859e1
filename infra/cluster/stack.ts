import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fresh } from '../render/fresh.ts';
import type { Settings } from '../settings.ts';
import { type Client, edgeClient } from './client.ts';
import type { Forward, Kubectl } from './kubectl.ts';

/** A deployed environment under test. */
export interface Cluster {
  readonly kubectl: Kubectl;
  readonly settings: Settings;
  /** What `render --reveal-secrets` made: passwords and the authority. */
  readonly material: Fresh;
  /** A client through the edge; opened anew after the edge's pod changed. */
  client(): Promise<Client>;
  /** Milliseconds that the tests' own requests are spread over stay below the per-address limit. */
  close(): void;
}

/** @param folder where `render --reveal-secrets --out` wrote */
export function cluster(kubectl: Kubectl, settings: Settings, folder: string): Cluster {
  const material = JSON.parse(
    readFileSync(join(folder, `${settings.environment}.material.json`), 'utf8'),
  ) as Fresh;
  const authority = material.certificates.authority?.crt ?? '';
  let open: { forward: Forward; client: Client } | undefined;
  const close = () => {
    open?.client.close();
    open?.forward.close();
    open = undefined;
  };
  return {
    kubectl,
    settings,
    material,
    async client() {
      if (!open) {
        const forward = await kubectl.forward('service/edge', 443);
        open = { forward, client: edgeClient(forward.port, settings.edge.host, authority) };
      }
      return open.client;
    },
    close,
  };
}

/** Logs a first user in. @throws Error with the answer when that fails */
export async function login({ client, material }: Cluster, email: string): Promise<string> {
  const password = material.values[`password/user/${email}`];
  const answer = await (await client()).call('POST', '/api/v1/auth/login', { json: { email, password } });
  if (answer.status !== 200) throw new Error(`login of ${email}: ${answer.status} ${answer.body}`);
  return (JSON.parse(answer.body) as { accessToken: string }).accessToken;
}

/** Waits until a condition holds; polls twice a second. @throws Error after the seconds given */
export async function until<T>(
  what: string,
  seconds: number,
  condition: () => Promise<T | undefined | false>,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last = '';
  while (Date.now() < end) {
    try {
      const value = await condition();
      if (value) return value;
    } catch (error) {
      last = (error as Error).message;
    }
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  throw new Error(`${what}: not within ${seconds} s${last ? ` (${last})` : ''}`);
}
