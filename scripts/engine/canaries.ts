import { createHash } from 'node:crypto';

/** A secret value that must be nowhere in plain. */
export interface Canary {
  /** What it is, for messages; never the value. */
  readonly name: string;
  readonly value: string;
}

/** A resource of `pulumi stack export --show-secrets`. */
interface StateResource {
  readonly urn: string;
  readonly type: string;
  readonly outputs?: Readonly<Record<string, unknown>>;
}

/** Outputs that are secret, and public ones that share lines with them, by the type of resource that makes them. */
const outputsOf: Readonly<Record<string, { secret: readonly string[]; open: readonly string[] }>> = {
  'random:index/randomPassword:RandomPassword': { secret: ['result', 'bcryptHash'], open: [] },
  'tls:index/privateKey:PrivateKey': {
    secret: ['privateKeyPem', 'privateKeyPemPkcs8', 'privateKeyOpenssh'],
    open: ['publicKeyPem', 'publicKeyOpenssh'],
  },
};

/** Every generated secret of a stack, and what the program derives from it. @param state with secrets shown */
export function canariesOf(state: string): Canary[] {
  const { deployment } = JSON.parse(state) as { deployment: { resources?: readonly StateResource[] } };
  return (deployment.resources ?? []).flatMap(({ urn, type, outputs = {} }) => {
    const { secret, open } = outputsOf[type] ?? { secret: [], open: [] };
    const isOpen = open.map((output) => plain(outputs[output]) ?? '').join('\n');
    return secret.flatMap((output) => {
      const value = plain(outputs[output]);
      const name = `${urn.split('::').at(-1)} ${output}`;
      if (value === undefined) return [];
      return [...lines(name, value), ...derived(name, value)].filter((one) => !isOpen.includes(one.value));
    });
  });
}

/**
 * A value as one canary, or a key as one a line: files break it differently, and share its first and last line. Some of a
 * private key's lines hold the public key alone.
 */
function lines(name: string, value: string): Canary[] {
  if (!value.includes('\n')) return [{ name, value }];
  return value
    .split('\n')
    .filter((text) => text.length >= 32 && !text.startsWith('-----'))
    .map((text, index) => ({ name: `${name} line ${index + 1}`, value: text }));
}

/** Keys are made from `bytes/…` as components/material.ts does. */
function derived(name: string, value: string): Canary[] {
  if (!name.startsWith('bytes/')) return [];
  return [{ name: `${name}, as key`, value: createHash('sha256').update(value).digest('base64') }];
}

/** A shown secret is wrapped, its JSON in `plaintext`. */
function plain(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  const text = (value as { plaintext?: string } | undefined)?.plaintext;
  return text === undefined ? undefined : plain(JSON.parse(text));
}

/** Names of the canaries that a text holds: as they are, escaped as in JSON, or inside anything in base64. */
export function hits(text: string, canaries: readonly Canary[]): string[] {
  const decoded = [...text.matchAll(/[A-Za-z0-9+/]{16,}={0,2}/g)].map(([base64]) =>
    Buffer.from(base64, 'base64').toString('latin1'),
  );
  const all = [text, ...decoded].join('\n');
  return canaries
    .filter(({ value }) => all.includes(value) || all.includes(JSON.stringify(value).slice(1, -1)))
    .map(({ name }) => name);
}
