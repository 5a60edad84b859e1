declare module 'cluster-key-slot' {
  /** Slot of a Redis Cluster, 0 to 16383, that a key hashes to. */
  export default function calculateSlot(key: string): number;
}
