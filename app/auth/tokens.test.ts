import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { createTokenKey, writeFiles, writeSecrets } from '../../test/support/certificates.ts';
import { readSecrets } from '../settings/secrets.ts';
import { createTokenVerifier, issueAccessToken, TokenRejected, verifyAccessToken } from './tokens.ts';

const folder = mkdtempSync(join(tmpdir(), 'tokens-'));
writeSecrets(folder, []);
writeFiles(folder, {
  'token-keys.json': JSON.stringify({ active: 'k1', keys: [createTokenKey('k1'), createTokenKey('old')] }),
});
const keys = readSecrets(folder).tokenKeys;
rmSync(folder, { recursive: true });
const parties = { issuer: 'https://issuer.example', audience: 'simple378' };
const session = {
  userId: 'U'.repeat(22),
  role: 'caseworker',
  sessionId: 'S'.repeat(22),
  generation: 3,
} as const;
const genuine = await issueAccessToken(session, keys, parties);
const [headerPart = '', payloadPart = '', signature = ''] = genuine.split('.');
const decode = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString());
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const header = decode(headerPart);
const claims = decode(payloadPart);
const own = keys.active.privateKey;

/** A token with our own signature: only what it says can be wrong. */
const signed = (head: object, payload: unknown, key: KeyObject = own): string => {
  const input = `${encode({ ...header, ...head })}.${typeof payload === 'string' ? Buffer.from(payload).toString('base64url') : encode(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), key).toString('base64url')}`;
};
const claiming = (change: object): string => signed({}, { ...claims, ...change });
const hmac = (secret: string | Buffer) => {
  const input = `${encode({ ...header, alg: 'HS256' })}.${payloadPart}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
};
const pem = keys.active.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const now = Math.floor(Date.now() / 1_000);

test('a genuine token says who and in which session', async () => {
  expect(await verifyAccessToken(genuine, keys, parties)).toEqual({ identity: session, expires: claims.exp });
  expect(header).toEqual({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' });
  expect(claims.exp - claims.iat).toBe(600);
});

test('a key that is not active any more still verifies', async () => {
  const rotated = { ...keys, active: keys.byId.get('old') ?? keys.active };
  expect(
    await verifyAccessToken(await issueAccessToken(session, rotated, parties), keys, parties),
  ).toMatchObject({ identity: session });
});

test.each<[reason: string, name: string, token: string]>([
  ['algorithm', 'no algorithm', `${encode({ ...header, alg: 'none' })}.${payloadPart}.AAAA`],
  ['malformed', 'no algorithm and no signature', `${encode({ ...header, alg: 'none' })}.${payloadPart}.`],
  ['algorithm', 'HS256 with the public PEM', hmac(pem)],
  ['algorithm', 'HS256 with a line feed before it', hmac(`\n${pem}`)],
  ['algorithm', 'HS256 with the DER', hmac(keys.active.publicKey.export({ type: 'spki', format: 'der' }))],
  ['algorithm', 'RS256', signed({ alg: 'RS256' }, claims)],
  ['algorithm', 'ES256', signed({ alg: 'ES256' }, claims)],
  ['malformed', 'a list of algorithms', signed({ alg: ['EdDSA'] }, claims)],
  ['malformed', 'an unknown critical member', signed({ crit: ['x'], x: 1 }, claims)],
  ['malformed', 'its own key', signed({ jwk: keys.active.jwk }, claims)],
  ['malformed', 'the address of a key', signed({ jku: 'https://attacker.example' }, claims)],
  ['malformed', 'unencoded payload', signed({ b64: false, crit: ['b64'] }, claims)],
  ['key', 'no key id', signed({ kid: undefined }, claims)],
  ['key', 'an unknown key id', signed({ kid: 'k2' }, claims)],
  ['key', 'a path as key id', signed({ kid: '../../dev/null' }, claims)],
  ['key', 'a number as key id', signed({ kid: 1 }, claims)],
  ['key', '__proto__ as key id', signed({ kid: '__proto__' }, claims)],
  ['type', 'no type', signed({ typ: undefined }, claims)],
  ['type', 'another type', signed({ typ: 'JWT' }, claims)],
  ['claims', 'a type in capitals', signed({ typ: 'AT+JWT' }, claims)],
  ['claims', 'the long form of the type', signed({ typ: 'application/at+jwt' }, claims)],
  ['signature', "somebody else's signature", signed({}, claims, generateKeyPairSync('ed25519').privateKey)],
  ['signature', 'another payload', `${headerPart}.${encode({ ...claims, role: 'admin' })}.${signature}`],
  ['malformed', 'two parts', `${headerPart}.${payloadPart}`],
  ['malformed', 'four parts', `${genuine}.${signature}`],
  ['malformed', 'padding', `${genuine}==`],
  ['malformed', 'white space', `${genuine} `],
  ['malformed', '16 kB', `${'a'.repeat(16_000)}.a.a`],
  ['malformed', 'no JSON', signed({}, 'no JSON')],
  ['malformed', 'a list', signed({}, [])],
  ['expired', 'the past', claiming({ iat: now - 700, exp: now - 100 })],
  ['not_yet', 'not before tomorrow', claiming({ nbf: now + 86_400 })],
  ['claims', 'issued tomorrow', claiming({ iat: now + 86_400, exp: now + 86_500 })],
  ['claims', 'ten years', claiming({ exp: now + 315_360_000 })],
  ['claims', 'text as end', claiming({ exp: 'tomorrow' })],
  ['claims', '1e300 as end', claiming({ exp: 1e300 })],
  ['issuer', 'another issuer', claiming({ iss: 'https://attacker.example' })],
  ['issuer', 'a slash more', claiming({ iss: `${parties.issuer}/` })],
  ['audience', 'another audience', claiming({ aud: 'other' })],
  ['claims', 'a list of audiences with ours', claiming({ aud: ['other', 'simple378'] })],
  ['claims', 'an empty subject', claiming({ sub: '' })],
  ['claims', 'a long subject', claiming({ sub: 's'.repeat(500) })],
  ['claims', 'a long token id', claiming({ jti: 'j'.repeat(65) })],
  ['claims', 'a role that is none', claiming({ role: 'root' })],
  ['claims', 'a list of roles', claiming({ role: ['admin'] })],
  ['claims', 'no session', claiming({ sid: undefined })],
  ['claims', 'half a generation', claiming({ gen: 0.5 })],
  ...['exp', 'iat', 'sub', 'jti'].flatMap((name): [string, string, string][] => [
    ['claims', `no ${name}`, claiming({ [name]: undefined })],
    ['claims', `null as ${name}`, claiming({ [name]: null })],
    ['claims', `a list as ${name}`, claiming({ [name]: [] })],
  ]),
  ['issuer', 'no issuer', claiming({ iss: undefined })],
  ['audience', 'no audience', claiming({ aud: undefined })],
])('refused as %s: %s', async (reason, _name, token) => {
  const error = await verifyAccessToken(token, keys, parties).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TokenRejected);
  expect((error as TokenRejected).reason).toBe(reason);
});

test('a token that is remembered still ends, and is nothing under other keys', async () => {
  const verify = createTokenVerifier(parties);
  expect(await verify(genuine, keys)).toEqual(session);
  expect(await verify(genuine, keys)).toEqual(session);
  const without = { ...keys, byId: new Map() };
  await expect(verify(genuine, without)).rejects.toMatchObject({ reason: 'key' });
  await expect(verify(`${genuine}A`, keys)).rejects.toBeInstanceOf(TokenRejected);
  vi.useFakeTimers({ now: (claims.exp + 6) * 1_000, toFake: ['Date'] });
  await expect(verify(genuine, keys)).rejects.toMatchObject({ reason: 'expired' });
  vi.useRealTimers();
});
