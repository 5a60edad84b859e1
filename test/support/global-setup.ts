/** Runs once before all tests: finds the real servers they use. */
export default function setup(): void {
  // The binary resolver of the local stack fills these in.
  process.env.REDIS_SERVER ??= 'redis-server';
}
