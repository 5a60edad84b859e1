import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

/**
 * Changes one manifest, for what no setting has: returns the manifest as it is, or another of the same kind and name. It is pure,
 * because rendering, policies and `pulumi up` each run it. Secrets and certificates do not pass through it.
 */
export type Transform = (manifest: Manifest, settings: Settings) => Manifest;

/**
 * Returns the default export of a module, or the identity where the settings name none.
 * @param path below the repository
 * @throws Error when the module exports no function, or its function changes a manifest's identity
 */
export function transformOf(path: string | undefined): Transform {
  if (path === undefined) return (manifest) => manifest;
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url));
  const { default: transform } = createRequire(import.meta.url)(file) as { default?: Transform };
  if (typeof transform !== 'function')
    throw new Error(`transform: ${path} has no default export that is a function; export one`);
  return (manifest, settings) => {
    const result = transform(manifest, settings);
    if (result?.kind !== manifest.kind || result.metadata.name !== manifest.metadata.name)
      throw new Error(
        `transform: ${path} changes kind or name of ${manifest.kind}/${manifest.metadata.name}; return the manifest with both`,
      );
    return result;
  };
}
