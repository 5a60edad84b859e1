import { dirname } from 'node:path';
import { containerEngine } from '../../infra/programs/containers.ts';
import { findProgram } from '../../infra/programs/find.ts';

/** The image used where k6 is not installed. */
export const k6Image =
  'docker.io/grafana/k6:2.2.0@sha256:9bd01d6941fca969cb61bb57d2da5ee9b385fe2aa8881df3798c196564d6ace6';

/** How k6 is started here. */
export interface Engine {
  /** For people: which k6 this is. */
  readonly name: string;
  readonly command: string;
  /** Arguments before k6's own. */
  readonly prefix: (environment: Readonly<Record<string, string>>) => string[];
}

/** What to type when there is none. */
export const howToInstall =
  'k6 is not installed, and neither Docker nor Podman answers. Install k6 (https://grafana.com/docs/k6/latest/set-up/install-k6/), ' +
  'or start Docker.';

/**
 * Finds k6: installed, else the pinned image by Docker or Podman.
 * @param root folder of the repository, which a container sees under the same path
 * @param ca file that a container must see too
 */
export function findEngine(root: string, ca: string | null): Engine | null {
  const installed = findProgram('k6');
  if (installed !== undefined) return { name: `k6 v${installed.version}`, command: 'k6', prefix: () => [] };
  const engine = containerEngine(process.env);
  if (engine === undefined) return null;
  return {
    name: `${k6Image.split('@')[0]} by ${engine.name}`,
    command: engine.name,
    prefix: (env) => inContainer(engine.run, root, ca, env),
  };
}

/** Same paths, same user, same network as outside, so that a script need not know where it runs. */
function inContainer(
  run: readonly string[],
  root: string,
  ca: string | null,
  environment: Readonly<Record<string, string>>,
): string[] {
  const extra = ca === null || ca.startsWith(root) ? [] : ['--volume', `${dirname(ca)}:${dirname(ca)}:ro`];
  return [
    ...run,
    ...['--workdir', root, '--volume', `${root}:${root}`],
    ...extra,
    ...Object.entries(environment).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    k6Image,
  ];
}
