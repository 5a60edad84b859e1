/** Asks a registry for the digest of a tag, by the OCI distribution API. */

/** A reference taken apart. */
export interface Reference {
  readonly registry: string;
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** Files that pin images by digest; Renovate and `npm run images:refresh` keep them fresh. */
export const pinning = ['app/Dockerfile', 'infra/images.ts', 'infra/kind.ts', 'loadtests/runner/engine.ts'];

/** Where Docker Hub's API is; other registries answer under their own name. */
const hubs: Readonly<Record<string, string>> = { 'docker.io': 'registry-1.docker.io' };
/** An index names all platforms; a manifest only one. */
const accept = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
].join(', ');

const pattern = /([a-z0-9.-]+(?:\.[a-z]+|:\d+))\/([a-z0-9._/-]+):([\w.-]+)@(sha256:[0-9a-f]{64})/g;

/** Every pinned reference in a text; the placeholder of zeros is none. */
export function referencesIn(text: string): Reference[] {
  return [...text.matchAll(pattern)]
    .map(([, registry = '', repository = '', tag = '', digest = '']) => ({
      registry,
      repository,
      tag,
      digest,
    }))
    .filter(({ digest }) => !/^sha256:0+$/.test(digest));
}

/**
 * The digest that a tag has now.
 * @param get fetch, or something like it
 * @throws Error when the registry does not tell
 */
export async function currentDigest(
  { registry, repository, tag }: Reference,
  get: typeof fetch = fetch,
): Promise<string> {
  const host = hubs[registry] ?? registry;
  const url = `${/^(localhost|127\.)/.test(host) ? 'http' : 'https'}://${host}/v2/${repository}/manifests/${tag}`;
  let answer = await get(url, { method: 'HEAD', headers: { accept } });
  if (answer.status === 401) {
    const token = await anonymousToken(answer.headers.get('www-authenticate') ?? '', get);
    answer = await get(url, { method: 'HEAD', headers: { accept, authorization: `Bearer ${token}` } });
  }
  const digest = answer.headers.get('docker-content-digest');
  if (!answer.ok || digest === null)
    throw new Error(`${registry}/${repository}:${tag}: the registry answered ${answer.status}`);
  return digest;
}

/** Public images are read with a token that anyone gets. */
async function anonymousToken(challenge: string, get: typeof fetch): Promise<string> {
  const fields = Object.fromEntries(
    [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  if (!fields.realm) throw new Error('the registry asks for a login that is not for everyone');
  const url = new URL(fields.realm);
  for (const name of ['service', 'scope']) if (fields[name]) url.searchParams.set(name, fields[name]);
  const body = (await (await get(url)).json()) as { token?: string; access_token?: string };
  return body.token ?? body.access_token ?? '';
}
