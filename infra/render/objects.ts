import type { Authority, Issued } from '../components/certificates.ts';
import { objectsOf } from '../components/object-builders.ts';
import { stack } from '../components/stack.ts';
import type { CertificateSpec, Manifest, SecretFile } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

/** Where secret values come from when there is no engine. */
export interface Source {
  content(file: SecretFile, path: string): string;
  readonly authority: Authority;
}

/** A file of a rendered environment: `redis/statefulset-redis.yaml`. */
export interface RenderedObject {
  readonly file: string;
  readonly object: Manifest;
}

/** All objects of an environment, in the order in which they are made. */
export function objects(settings: Settings, source: Source): RenderedObject[] {
  const authority = settings.tls.issuer === 'generated' ? source.authority : undefined;
  return stack(settings).flatMap((part) =>
    objectsOf(part, settings, (file, path) => source.content(file, path), authority).map((object) => ({
      file: `${part.name}/${object.kind.toLowerCase()}-${object.metadata.name}.yaml`,
      object,
    })),
  );
}

/** Every secret value as `secret:<path>`: for review, in the repository. */
export const markers: Source = {
  content: (_, path) => `secret:${path}`,
  authority: {
    certificate: 'secret:authority/ca.crt',
    issue: ({ name }: CertificateSpec): Issued => ({
      crt: `secret:${name}/tls.crt`,
      key: `secret:${name}/tls.key`,
      ca: `secret:${name}/ca.crt`,
    }),
  },
};
