import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { QueryFailed } from '../../slo/prometheus.ts';

/** Takes a picture of each dashboard from a Grafana with its image renderer; returns the files. @throws QueryFailed */
export async function pictures(
  base: string,
  uids: readonly string[],
  { output, minutes, width = 1280 }: { output: string; minutes: number; width?: number },
): Promise<string[]> {
  const files: string[] = [];
  for (const uid of uids) {
    const url = new URL(`render/d/${uid}`, base.endsWith('/') ? base : `${base}/`);
    for (const [name, value] of Object.entries({
      from: `now-${minutes}m`,
      to: 'now',
      width: String(width),
      height: '-1',
      kiosk: 'true',
      theme: 'dark',
    }))
      url.searchParams.set(name, value);
    const response = await request(url, { headers: authorization(), headersTimeout: 60_000 }).catch(
      (error: Error) => {
        throw new QueryFailed(`no answer from Grafana at ${base}: ${error.message}`);
      },
    );
    const body = Buffer.from(await response.body.arrayBuffer());
    if (response.statusCode !== 200 || !String(response.headers['content-type']).startsWith('image/png'))
      throw new QueryFailed(
        `Grafana at ${base} gave no picture of ${uid} (status ${response.statusCode}); it needs its image renderer, and a token in GRAFANA_TOKEN_FILE`,
      );
    const file = join(output, `${uid}.png`);
    writeFileSync(file, body);
    files.push(file);
  }
  return files;
}

/** The token of a service account, from a file. */
export function authorization(file = process.env.GRAFANA_TOKEN_FILE): Record<string, string> {
  return file ? { authorization: `Bearer ${readFileSync(file, 'utf8').trim()}` } : {};
}
