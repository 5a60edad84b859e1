import { once } from 'node:events';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** One alert of a notification. */
export interface Notified {
  readonly at: number;
  readonly receiver: string;
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  /** How many alerts came in the same message. */
  readonly together: number;
}

/** A webhook receiver: what Alertmanager told it, by the path of each receiver. */
export interface Receiver {
  readonly url: string;
  readonly notified: readonly Notified[];
  /** Waits for a firing alert that came after a moment; null when it does not come in time. */
  waitFor(alert: string, since: number, seconds: number): Promise<Notified | null>;
  stop(): Promise<void>;
}

interface Message {
  readonly alerts: readonly Pick<Notified, 'status' | 'labels' | 'annotations'>[];
}

/** Starts a receiver on a free port of loopback. */
export async function startReceiver(): Promise<Receiver> {
  const notified: Notified[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { alerts } = JSON.parse(Buffer.concat(chunks).toString()) as Message;
      const receiver = (request.url ?? '').slice(1);
      notified.push(
        ...alerts.map((alert) => ({ ...alert, at: Date.now(), receiver, together: alerts.length })),
      );
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    notified,
    async waitFor(alert, since, seconds) {
      for (const end = Date.now() + seconds * 1_000; Date.now() < end; await sleep(200)) {
        const found = notified.find(
          ({ at, status, labels }) => at >= since && status === 'firing' && labels.alertname === alert,
        );
        if (found) return found;
      }
      return null;
    },
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
