import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';

/** A port that another process listens on. */
export interface BusyPort {
  readonly name: string;
  readonly port: number;
  /** The listening process, where the system shows it. */
  readonly process?: string;
}

/** Returns the ports that are in use. */
export async function busyPorts(ports: Readonly<Record<string, number>>): Promise<BusyPort[]> {
  const tried = await Promise.all(
    Object.entries(ports).map(async ([name, port]) =>
      (await isFree(port)) ? [] : [{ name, port, ...owner(port) }],
    ),
  );
  return tried.flat();
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/** Linux only: finds the socket's inode, and the process that holds it. Only root sees the processes of other users. */
function owner(port: number): { process?: string } {
  try {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const inodes = ['/proc/net/tcp', '/proc/net/tcp6'].flatMap((table) =>
      readFileSync(table, 'utf8')
        .split('\n')
        .map((line) => line.trim().split(/\s+/))
        .filter(([, local, , state]) => local?.endsWith(`:${hex}`) && state === '0A')
        .map((columns) => `socket:[${columns[9]}]`),
    );
    for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
      if (descriptors(pid).some((target) => inodes.includes(target))) {
        return { process: `${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()} (process ${pid})` };
      }
    }
  } catch {
    // Another system, or the process ended meanwhile: the port alone is reported.
  }
  return {};
}

function descriptors(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`);
      } catch {
        return '';
      }
    });
  } catch {
    return [];
  }
}
