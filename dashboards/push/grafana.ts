import { request } from 'undici';

/** Where dashboards are written to. */
export interface Target {
  readonly url: string;
  /** Header with the token of a service account that may write dashboards and folders. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Grafana did not do it; the message says what and why, and never holds the token. */
export class PushFailed extends Error {}

/** Makes the folder, if it is not there. @throws PushFailed */
export async function ensureFolder(target: Target, uid: string, title: string): Promise<void> {
  const { status } = await call(target, 'POST', 'api/folders', { uid, title });
  // 409 and 412: it is there.
  if (![200, 409, 412].includes(status)) throw new PushFailed(`folder ${title}: ${meaning(status)}`);
}

/** Writes a dashboard over what is there by its uid; returns its path in Grafana. @throws PushFailed */
export async function pushDashboard(
  target: Target,
  dashboard: object,
  folderUid: string,
  message: string,
): Promise<string> {
  const { status, body } = await call(target, 'POST', 'api/dashboards/db', {
    dashboard: { ...dashboard, id: null },
    folderUid,
    overwrite: true,
    message,
  });
  const { uid, title } = dashboard as { uid?: string; title?: string };
  if (status !== 200) throw new PushFailed(`dashboard ${title}: ${meaning(status)}`);
  return (body as { url?: string }).url ?? `/d/${uid}`;
}

async function call({ url, headers }: Target, method: 'POST', path: string, sent: object) {
  const address = new URL(path, url.endsWith('/') ? url : `${url}/`);
  try {
    const response = await request(address, {
      method,
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify(sent),
      headersTimeout: 30_000,
    });
    const text = await response.body.text();
    return { status: response.statusCode, body: text.startsWith('{') ? (JSON.parse(text) as unknown) : {} };
  } catch (error) {
    throw new PushFailed(`no answer from Grafana at ${url}: ${(error as Error).message}`);
  }
}

function meaning(status: number): string {
  if (status === 401) return 'the token is not accepted (401); give a current one in GRAFANA_TOKEN_FILE';
  if (status === 403) return 'the token may not write here (403); its service account needs the role Editor';
  if (status === 412) return 'a provisioned dashboard of this uid is there (412); change its file instead';
  return `Grafana answered ${status}`;
}
