import { createHash, createPrivateKey } from 'node:crypto';

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

/** Outputs that are secret, by the type of resource that makes them. */
const secretOutputs: Readonly<Record<string, readonly string[]>> = {
  'random:index/randomPassword:RandomPassword': ['result', 'bcryptHash'],
  'tls:index/privateKey:PrivateKey': ['privateKeyPem', 'privateKeyPemPkcs8', 'privateKeyOpenssh'],
};

/** Every generated secret of a stack, and what the program derives from it. @param state with secrets shown */
export function canariesOf(state: string): Canary[] {
  const { deployment } = JSON.parse(state) as { deployment: { resources?: readonly StateResource[] } };
  return (deployment.resources ?? []).flatMap(({ urn, type, outputs = {} }) => {
    const key = plain(outputs.privateKeyPem);
    const scalar = key === undefined ? Buffer.alloc(0) : scalarOf(key);
    return (secretOutputs[type] ?? []).flatMap((output) => {
      const value = plain(outputs[output]);
      const name = `${urn.split('::').at(-1)} ${output}`;
      return value === undefined ? [] : [...lines(name, value, scalar), ...derived(name, value)];
    });
  });
}

/** The secret part of a private key; the rest of its file is framing, and the public key that everybody may see. */
function scalarOf(pem: string): Buffer {
  return Buffer.from(createPrivateKey(pem).export({ format: 'jwk' }).d as string, 'base64url');
}

/** A value as one canary, or a key as one a line that holds some of its secret part: files break it differently. */
function lines(name: string, value: string, scalar: Buffer): Canary[] {
  if (!value.includes('\n')) return [{ name, value }];
  return value
    .split('\n')
    .map((text, index) => ({ name: `${name} line ${index}`, value: text }))
    .filter(({ value: text }) => !text.startsWith('-----') && shares(Buffer.from(text, 'base64'), scalar));
}

/** Whether eight bytes of one are in the other. */
function shares(bytes: Buffer, scalar: Buffer): boolean {
  for (let at = 0; at + 8 <= scalar.length; at++)
    if (bytes.includes(scalar.subarray(at, at + 8))) return true;
  return false;
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
