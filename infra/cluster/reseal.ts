import type { Kubectl } from './kubectl.ts';

/**
 * Encrypts every case with the active data key, in a running pod of the service and while it serves. It may be run again
 * at any time.
 * @returns the last line of its output
 * @throws Error with its error output
 */
export async function reseal(kubectl: Kubectl): Promise<string> {
  // Process 1 is Node.js, wherever the image keeps it.
  const command = ['/proc/1/exe', 'app/rotate-keys.ts'];
  const output = await kubectl.run([
    'exec',
    'deployment/case-service',
    '--container',
    'case-service',
    '--',
    ...command,
  ]);
  return output.trim().split('\n').at(-1) ?? '';
}
