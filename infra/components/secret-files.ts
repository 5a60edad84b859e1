import { createPrivateKey, createPublicKey } from 'node:crypto';

interface Ring {
  readonly active: string;
  readonly accepted: readonly string[];
}

/** DER of an Ed25519 private key (RFC 8410) up to its 32 bytes. */
const ed25519Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

/**
 * `token-keys.json` of the service's contract.
 * @param seeds base64 of 32 bytes each, in the order of the accepted ids; an id begins with its key's date
 */
export function tokenKeysFile(ring: Ring, seeds: readonly string[]): string {
  const keys = ring.accepted.map((kid, index) => {
    const der = Buffer.concat([ed25519Prefix, Buffer.from(seeds[index] as string, 'base64')]);
    const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const { x } = createPublicKey(key).export({ format: 'jwk' });
    const { d } = key.export({ format: 'jwk' });
    return {
      kty: 'OKP',
      crv: 'Ed25519',
      x,
      d,
      kid,
      alg: 'EdDSA',
      use: 'sig',
      createdAt: `${kid.slice(0, 10)}T00:00:00.000Z`,
    };
  });
  return `${JSON.stringify({ active: ring.active, keys })}\n`;
}

/** `data-keys.json` of the service's contract. @param keys base64 of 32 bytes each, in the order of the ids */
export function dataKeysFile(ring: Ring, keys: readonly string[]): string {
  const named = Object.fromEntries(ring.accepted.map((id, index) => [id, keys[index]]));
  return `${JSON.stringify({ active: ring.active, keys: named })}\n`;
}

/** `users.json` of the service's contract. @param passwords in the order of the users */
export function usersFile(
  users: readonly { readonly email: string; readonly role: string }[],
  passwords: readonly string[],
): string {
  const list = users.map(({ email, role }, index) => ({ email, role, password: passwords[index] }));
  return `${JSON.stringify(list)}\n`;
}
