import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spawn } from '../../infra/programs/child-process.ts';
import { providedPath } from '../../infra/programs/provide.ts';
import { freePort, type RedisServer } from './redis.ts';

/** A real Sentinel that watches one primary, named `main`. */
export interface Sentinel {
  readonly port: number;
  stop(): Promise<void>;
}

/**
 * Starts a Sentinel: redis-server with a file that it may rewrite, in the primary's folder.
 * @param directives more lines of the file, such as `tls-replication yes`; with TLS directives it speaks TLS only
 * @param wanted its port; a free one when none is given
 */
export async function startSentinel(
  primary: RedisServer,
  directives: readonly string[] = [],
  wanted?: number,
): Promise<Sentinel> {
  const port = wanted ?? (await freePort());
  const file = join(primary.dir, 'sentinel.conf');
  const tls = directives.some((line) => line.startsWith('tls-'));
  writeFileSync(
    file,
    [
      ...(tls ? ['port 0', `tls-port ${port}`] : [`port ${port}`]),
      'bind 127.0.0.1',
      `dir ${primary.dir}`,
      ...directives,
      `sentinel monitor main 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds main 500',
      'sentinel failover-timeout main 2000',
      '',
    ].join('\n'),
  );
  const child = spawn(await providedPath('redis-server'), [file, '--sentinel'], { stdio: 'ignore' });
  return {
    port,
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}
