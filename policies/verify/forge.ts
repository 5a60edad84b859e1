import { createHmac, generateKeyPairSync, type KeyObject, randomUUID, sign } from 'node:crypto';

/**
 * A token that must be refused, made of a genuine one. With the service's own key (a test has it, `security-verify` does
 * not) the claims are wrong and the signature right; else both are wrong.
 */
export interface Forgery {
  readonly name: string;
  /** Values of Authorization headers; usually one. */
  readonly authorization: readonly string[];
}

interface Genuine {
  readonly header: Readonly<Record<string, unknown>>;
  readonly claims: Readonly<Record<string, unknown>>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * @param token a genuine access token
 * @param jwk the public key that verifies it, as published
 * @param own signs as the service does; null outside tests
 */
export function forgeries(token: string, jwk: Json, own: KeyObject | null): readonly Forgery[] {
  const genuine = decode(token);
  const key = own ?? generateKeyPairSync('ed25519').privateKey;
  const one = (name: string, value: string): Forgery => ({ name, authorization: [value] });
  const bearer = (name: string, forged: string): Forgery => one(name, `Bearer ${forged}`);
  return [
    ...Object.entries(headerChanges(jwk)).map(([name, change]) =>
      bearer(`header: ${name}`, signed({ ...genuine.header, ...change }, genuine.claims, key)),
    ),
    ...Object.entries(claimChanges(genuine.claims)).map(([name, claims]) =>
      bearer(`claims: ${name}`, signed(genuine.header, claims, key)),
    ),
    ...rawClaims(genuine).map(([name, payload]) =>
      bearer(`claims: ${name}`, signedText(genuine.header, payload, key)),
    ),
    ...foreignKeys(genuine, jwk).map(([name, forged]) => bearer(`key: ${name}`, forged)),
    ...Object.entries(encodings(token)).map(([name, value]) => one(`encoding: ${name}`, value)),
    { name: 'encoding: two Authorization headers', authorization: [`Bearer ${token}`, `Bearer ${token}`] },
  ];
}

function headerChanges(jwk: Json): Readonly<Record<string, Json>> {
  return {
    'alg array': { alg: ['EdDSA'] },
    'alg number': { alg: 1 },
    'alg missing': { alg: undefined },
    'alg ES256': { alg: 'ES256' },
    'alg RS256': { alg: 'RS256' },
    'alg PS256': { alg: 'PS256' },
    'alg ES384': { alg: 'ES384' },
    'typ missing': { typ: undefined },
    'typ JWT': { typ: 'JWT' },
    'typ refresh': { typ: 'refresh+jwt' },
    'kid missing': { kid: undefined },
    'kid unknown': { kid: 'unknown' },
    'kid path': { kid: '../../dev/null' },
    'kid SQL': { kid: "' OR 1=1" },
    'kid NUL': { kid: '\0' },
    'kid 10 kB': { kid: 'k'.repeat(10_000) },
    'kid __proto__': { kid: '__proto__' },
    'kid of an own jwk': { kid: undefined, jwk },
    'jku only': { kid: undefined, jku: 'https://attacker.example/jwks.json' },
    'x5u only': { kid: undefined, x5u: 'https://attacker.example/cert.pem' },
    'crit unknown': { crit: ['x'], x: 1 },
    'crit empty': { crit: [] },
    'b64 false': { b64: false, crit: ['b64'] },
  };
}

function claimChanges(claims: Json): Readonly<Record<string, Json>> {
  const now = Math.floor(Date.now() / 1000);
  const change = (some: Json): Json => ({ ...claims, ...some });
  const bad: Record<string, Json> = {};
  for (const name of ['exp', 'iat', 'iss', 'aud', 'sub', 'jti']) {
    bad[`${name} missing`] = change({ [name]: undefined });
    bad[`${name} null`] = change({ [name]: null });
    bad[`${name} object`] = change({ [name]: {} });
  }
  return {
    ...bad,
    'exp past': change({ exp: now - 3_600, iat: now - 4_000 }),
    'exp text': change({ exp: 'tomorrow' }),
    'exp 1e300': change({ exp: 1e300 }),
    'exp negative': change({ exp: -1 }),
    'iat tomorrow': change({ iat: now + 86_400, exp: now + 87_000 }),
    'nbf tomorrow': change({ nbf: now + 86_400 }),
    'ten years': change({ exp: now + 315_360_000 }),
    'old iat': change({ iat: now - 86_400 }),
    'aud of another': change({ aud: 'another' }),
    'aud list of others': change({ aud: ['one', 'two'] }),
    'iss of another': change({ iss: 'https://attacker.example' }),
    'iss with slash': change({ iss: `${String(claims.iss)}/` }),
    'sub empty': change({ sub: '' }),
    'sub 10 kB': change({ sub: 's'.repeat(10_000) }),
    'sub unknown': change({ sub: randomUUID() }),
    'role unknown': change({ role: 'root' }),
    'role list': change({ role: ['admin'] }),
  };
}

/** Payloads that no JSON serialiser writes. */
function rawClaims({ claims }: Genuine): readonly (readonly [string, string])[] {
  const text = JSON.stringify(claims).slice(1);
  return [
    ['not JSON', 'not json'],
    ['JSON array', '[]'],
    ['JSON null', 'null'],
    ['exp twice, the last past', `${text.padStart(text.length + 1, '{').slice(0, -1)},"exp":1}`],
    ['empty object', '{}'],
  ];
}

function foreignKeys(genuine: Genuine, jwk: Json): readonly (readonly [string, string])[] {
  const { header, claims } = genuine;
  const other = generateKeyPairSync('ed25519').privateKey;
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const confused = (name: string, secret: string | Buffer, bits = 256): readonly [string, string] => {
    const input = `${encode({ ...header, alg: `HS${bits}` })}.${encode(claims)}`;
    return [name, `${input}.${createHmac(`sha${bits}`, secret).update(input).digest('base64url')}`];
  };
  const x = Buffer.from(String(jwk.x ?? ''), 'base64url');
  const input = `${encode(header)}.${encode(claims)}`;
  const none = (alg: unknown): string => `${encode({ ...header, alg })}.${encode(claims)}.`;
  return [
    ['another Ed25519 key', signed(header, claims, other)],
    ['RSA under EdDSA', `${input}.${sign('sha256', Buffer.from(input), rsa).toString('base64url')}`],
    ['ES256 under EdDSA', `${input}.${sign('sha256', Buffer.from(input), ec).toString('base64url')}`],
    ['RS256', signed({ ...header, alg: 'RS256' }, claims, rsa, 'sha256')],
    ['alg none', none('none')],
    ['alg None', none('None')],
    ['alg nOnE', none('nOnE')],
    ['alg empty', none('')],
    confused('HS256 with the public JWK', JSON.stringify(jwk)),
    confused('HS256 with the public bytes', x),
    confused('HS256 with the public text', String(jwk.x)),
    confused('HS256 with a leading line feed', `\n${String(jwk.x)}`),
    confused('HS512 with the public JWK', JSON.stringify(jwk), 512),
    confused('HS384 with the public bytes', x, 384),
    confused('HS256 with nothing', ''),
    ['signature empty', `${input}.`],
    ['signature of zeros', `${input}.${Buffer.alloc(64).toString('base64url')}`],
    ['signature short', `${input}.AAAA`],
  ];
}

/** What can be done to a genuine token's text. */
function encodings(token: string): Readonly<Record<string, string>> {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const flipped = signature.startsWith('A') ? `B${signature.slice(1)}` : `A${signature.slice(1)}`;
  return {
    'two segments': `Bearer ${header}.${payload}`,
    'four segments': `Bearer ${token}.${signature}`,
    padding: `Bearer ${header}=.${payload}=.${signature}==`,
    'signature changed': `Bearer ${header}.${payload}.${flipped}`,
    'payload changed': `Bearer ${header}.${payload.slice(0, -2)}.${signature}`,
    'space inside': `Bearer ${header} .${payload}.${signature}`,
    'tab after': `Bearer ${token}\t.`,
    '15 kB': `Bearer ${'a'.repeat(15_000)}`,
    'no scheme': token,
    Basic: `Basic ${Buffer.from(`admin:${token}`).toString('base64')}`,
    'scheme only': 'Bearer',
    'scheme and space': 'Bearer  ',
    'two tokens': `Bearer ${token} ${token}`,
    'comma list': `Bearer ${token}, Bearer ${token}`,
    'not base64': 'Bearer !!!.???.***',
    'three dots': 'Bearer ...',
  };
}

/** Header and claims of a token. */
export function decode(token: string): Genuine {
  const [header = '', payload = ''] = token.split('.');
  const read = (part: string): Json => JSON.parse(Buffer.from(part, 'base64url').toString('utf8')) as Json;
  return { header: read(header), claims: read(payload) };
}

function encode(value: Json): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function signed(header: Json, claims: Json, key: KeyObject, digest: string | null = null): string {
  return signedText(header, JSON.stringify(claims), key, digest);
}

function signedText(header: Json, payload: string, key: KeyObject, digest: string | null = null): string {
  const input = `${encode(header)}.${Buffer.from(payload).toString('base64url')}`;
  return `${input}.${sign(digest, Buffer.from(input), key).toString('base64url')}`;
}
