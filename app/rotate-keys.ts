import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import { removeRecordsWithoutCase } from './cases/ownerless.ts';
import { resealCases } from './cases/reseal.ts';
import { connectRedis } from './redis/connect.ts';
import { loadConfiguration } from './settings/load.ts';
import { SettingsError } from './settings/settings.ts';
import { createMetrics } from './telemetry/metrics.ts';

const help = `node app/rotate-keys.ts

Seals every case under the active key of SECRETS_DIR/data-keys.json, with the settings of the service and while it runs.
Before: add the new key to the file, name it active, and let every replica take it up. After: keep the old key for as long
as the oldest backup, which is sealed with it; then remove it.
It also removes records of owners that a crash left without a case.
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
      let resealed = 0;
      for (let pass = 1; ; pass++) {
        const progress = await resealCases(redis, secrets.dataKeys, (now) =>
          console.error(`pass ${pass}: ${now.seen} cases seen, ${now.resealed} sealed anew`),
        );
        resealed += progress.resealed;
        // A replica that took the new key up late may have written behind the scan: a pass that finds nothing ends it.
        if (progress.resealed > 0) continue;
        // Longer than the append-only file waits for the disk, so that a crash now brings no old text back.
        await sleep(2_000);
        console.log(
          `Done: ${progress.seen} cases, ${resealed} sealed anew; all are under key ${secrets.dataKeys.active}.`,
        );
        break;
      }
      const removed = await removeRecordsWithoutCase(redis);
      if (removed > 0) console.log(`Removed ${removed} owner records that a crash had left without a case.`);
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
