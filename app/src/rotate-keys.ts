import { once } from 'node:events';
import { pino } from 'pino';
import { resealCases } from './cases/reseal.ts';
import { createMetrics } from './metrics/index.ts';
import { connectRedis } from './redis/connect.ts';
import { loadConfiguration } from './settings/load.ts';
import { SettingsError } from './settings/settings.ts';

const help = `node app/src/rotate-keys.ts

Seals every case under the active key of SECRETS_DIR/data-keys.json, with the settings of the service and while it runs.
Before: add the new key to the file, name it active, and let every replica take it up. After: remove the old key.
It may be stopped and started again at any time.

Exit: 0 every case is under the active key, 1 it failed, 2 wrong usage, 78 bad settings.`;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.length > 0) {
    console[args[0] === '--help' ? 'log' : 'error'](help);
    return args[0] === '--help' ? 0 : 2;
  }
  try {
    const { settings, secrets } = loadConfiguration(process.env);
    const redis = connectRedis('data', settings, {
      metrics: createMetrics(),
      log: pino({ level: 'silent' }),
    });
    try {
      await once(redis, 'ready', { signal: AbortSignal.timeout(10_000) });
      const { seen, resealed } = await resealCases(redis, secrets.dataKeys, (progress) =>
        console.error(`${progress.seen} cases seen, ${progress.resealed} sealed anew`),
      );
      console.log(
        `Done: ${seen} cases, ${resealed} sealed anew; all are under key ${secrets.dataKeys.active}.`,
      );
      return 0;
    } finally {
      redis.disconnect();
    }
  } catch (error) {
    if (error instanceof SettingsError) {
      console.error(error.message);
      return 78;
    }
    console.error(
      `rotate-keys: ${(error as Error).name === 'AbortError' ? 'Redis does not answer' : (error as Error).message}`,
    );
    return 1;
  }
}
