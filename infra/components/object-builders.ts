import { metadata } from '../kubernetes/labels.ts';
import type { Component, Manifest, SecretFile } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import { type Authority, authorityManifests, certificateManifests } from './certificates.ts';

/**
 * All objects of a part, its Secrets and certificates included.
 * @param content the base64 content of a file of a Secret; the path is `<secret>/<file>`
 */
export function objectsOf(
  part: Component,
  settings: Settings,
  content: (file: SecretFile, path: string) => unknown,
  authority: Authority | undefined,
): Manifest[] {
  const secrets = settings.secrets.source === 'config' ? (part.secrets ?? []) : [];
  return [
    ...part.manifests,
    ...secrets.map((spec) => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: metadata(settings, spec.name, spec.component),
      type: spec.type ?? 'Opaque',
      data: Object.fromEntries(
        Object.entries(spec.files).map(([name, file]) => [name, content(file, `${spec.name}/${name}`)]),
      ),
    })),
    ...(part.certificates ?? []).flatMap((spec) => certificateManifests(settings, spec, authority)),
    ...(part.trusts ? authorityManifests(settings, authority) : []),
  ];
}
