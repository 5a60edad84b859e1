import { succeeds } from './succeeds.ts';

/** A container engine that answers. */
export interface ContainerEngine {
  readonly name: 'docker' | 'podman';
  /** `run` with its options, to which mounts, image and arguments are added. */
  readonly run: readonly string[];
}

/** Finds Docker, else Podman. */
export function containerEngine(
  environment: Readonly<Record<string, string | undefined>>,
): ContainerEngine | undefined {
  const name = (['docker', 'podman'] as const).find((one) => succeeds([one, 'info'], environment));
  return name && { name, run: runAs(name, process.getuid?.() ?? 0, process.getgid?.() ?? 0) };
}

/**
 * As this user, so that files are ours on both sides; on this host's network, so that addresses are the same; and with no
 * right, and nothing writable, but what is mounted.
 */
export function runAs(name: ContainerEngine['name'], uid: number, gid: number): string[] {
  return [
    'run',
    '--rm',
    ...['--network', 'host'],
    ...['--user', `${uid}:${gid}`],
    // Rootless Podman maps users otherwise, and the mounted files would be root's.
    ...(name === 'podman' && uid !== 0 ? ['--userns', 'keep-id'] : []),
    '--read-only',
    ...['--tmpfs', '/tmp'],
    ...['--cap-drop', 'all'],
    ...['--security-opt', 'no-new-privileges'],
    // Where SELinux enforces, what is mounted would have to be relabelled to be seen; these are the user's own folders.
    ...['--security-opt', 'label=disable'],
  ];
}
