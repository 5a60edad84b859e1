/** Of the memory there is; the rest is for finishing what was begun. */
export const maxMemoryShare = 0.9;

/** Bytes of an idle process, and of one idle TLS connection (measured: 164 MB, and 50 kB over 3,800 of them). */
const idleProcess = 170e6;
const perConnection = 60e3;

/** Bytes that the process may use: its container's limit. Without one the kernel reports 0 or an absurdly large number. */
export function memoryLimit(container: number = process.constrainedMemory()): number {
  return container > 0 && container < 2 ** 50 ? container : Number.POSITIVE_INFINITY;
}

/** Open sockets that one listener may hold: beyond it the idle ones are closed, so that they cannot fill the memory. */
export function maxConnections(memory: number = memoryLimit()): number {
  const room = Math.floor((maxMemoryShare * memory - idleProcess) / perConnection);
  return Math.min(4_096, Math.max(256, room));
}
