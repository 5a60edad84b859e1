import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { type Static, type TSchema, Type } from 'typebox';
import { SettingsError, type SettingsProblem } from './settings.ts';
import { weakness } from './weak-passwords.ts';

const base64Of32Bytes = '^[A-Za-z0-9+/]{43}=$';
const keyId = '^[A-Za-z0-9._-]{1,64}$';

const tokenKeysFile = Type.Object({
  active: Type.String({ pattern: keyId }),
  keys: Type.Array(
    Type.Object({
      kid: Type.String({ pattern: keyId }),
      kty: Type.Literal('OKP'),
      crv: Type.Literal('Ed25519'),
      d: Type.String({ minLength: 43, maxLength: 43 }),
      x: Type.String({ minLength: 43, maxLength: 43 }),
      alg: Type.Literal('EdDSA'),
      use: Type.Literal('sig'),
      createdAt: Type.String({ format: 'date-time' }),
    }),
    { minItems: 1, maxItems: 16 },
  ),
});
const dataKeysFile = Type.Object({
  active: Type.String({ pattern: keyId }),
  keys: Type.Record(Type.String({ pattern: keyId }), Type.String({ pattern: base64Of32Bytes }), {
    minProperties: 1,
  }),
});
const bootstrapUsersFile = Type.Array(
  Type.Object(
    {
      email: Type.String({ format: 'email', maxLength: 254 }),
      password: Type.String({ minLength: 12, maxLength: 256 }),
      role: Type.Enum(['reader', 'caseworker', 'admin']),
    },
    { additionalProperties: false },
  ),
);

/** One key that signs or once signed access tokens. */
export interface TokenKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Public part, as published in the JWKS. */
  readonly jwk: Readonly<Record<string, string>>;
  readonly createdAt: Date;
}

/** The content of `SECRETS_DIR`. */
export interface Secrets {
  readonly tokenKeys: { readonly active: TokenKey; readonly byId: ReadonlyMap<string, TokenKey> };
  readonly dataKeys: { readonly active: string; readonly byId: ReadonlyMap<string, Buffer> };
  /** Signs the CSRF token of the cookie variant. */
  readonly csrfKey: Buffer;
  /** Turns user ids and accounts into pseudonyms for keys and logs. */
  readonly pseudonymKey: Buffer;
  readonly bootstrapUsers: Static<typeof bootstrapUsersFile>;
}

/** The files that {@link readSecrets} reads, and which a watcher looks at. */
export const secretFiles = [
  'token-keys.json',
  'data-keys.json',
  'csrf-key',
  'pseudonym-key',
  'users.json',
] as const;

// No `verbose`: an error object must never carry a secret.
const ajv = new Ajv({ allErrors: true, strict: false });
addFormats.default(ajv, ['date-time', 'email']);

/**
 * Reads the secrets of a folder.
 * @throws SettingsError with every problem, by file; values are never shown
 */
export function readSecrets(folder: string): Secrets {
  const problems: SettingsProblem[] = [];
  const text = (file: string, optional = false): string | undefined => {
    try {
      return readFileSync(join(folder, file), 'utf8').trim();
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
      if (!(optional && code === 'ENOENT')) {
        problems.push({
          name: `SECRETS_DIR/${file}`,
          found: `cannot be read (${code})`,
          remedy: 'create it, readable by this user only',
        });
      }
      return undefined;
    }
  };
  const json = <S extends TSchema>(file: string, schema: S, optional = false): Static<S> | undefined => {
    const content = text(file, optional);
    if (content === undefined) return undefined;
    const value = parse(content);
    if (value === undefined) {
      problems.push({
        name: `SECRETS_DIR/${file}`,
        found: 'is not JSON',
        remedy: 'write it as docs describe',
      });
      return undefined;
    }
    const validate = ajv.compile(schema);
    if (validate(value)) return value as Static<S>;
    for (const { instancePath, message } of validate.errors ?? []) {
      problems.push({
        name: `SECRETS_DIR/${file}${instancePath}`,
        found: String(message),
        remedy: 'correct it',
      });
    }
    return undefined;
  };
  const key = (file: string): Buffer => {
    const content = text(file);
    if (content !== undefined && !new RegExp(base64Of32Bytes).test(content)) {
      problems.push({
        name: `SECRETS_DIR/${file}`,
        found: 'is not 32 bytes in base64',
        remedy: 'make one: openssl rand -base64 32',
      });
    }
    const bytes = Buffer.from(content ?? '', 'base64');
    if (bytes.length === 32 && isWeak(bytes)) problems.push(weak(file));
    return bytes;
  };

  const tokenFile = json('token-keys.json', tokenKeysFile);
  const dataFile = json('data-keys.json', dataKeysFile);
  const tokenKeys = new Map((tokenFile?.keys ?? []).map((jwk) => [jwk.kid, toTokenKey(jwk, problems)]));
  const dataKeys = new Map(
    Object.entries(dataFile?.keys ?? {}).map(([id, value]) => [id, Buffer.from(value, 'base64')]),
  );
  for (const [id, bytes] of dataKeys) {
    if (isWeak(bytes)) problems.push(weak(`data-keys.json/keys/${id}`));
  }
  const active = tokenFile && tokenKeys.get(tokenFile.active);
  if (tokenFile && !active) problems.push(noSuchKey('token-keys.json', tokenFile.active));
  if (dataFile && !dataKeys.has(dataFile.active)) problems.push(noSuchKey('data-keys.json', dataFile.active));
  const csrfKey = key('csrf-key');
  const pseudonymKey = key('pseudonym-key');
  const bootstrapUsers = json('users.json', bootstrapUsersFile, true) ?? [];
  bootstrapUsers.forEach(({ email, password }, index) => {
    const found = weakness(password, email);
    if (found)
      problems.push({ name: `SECRETS_DIR/users.json/${index}/password`, found, remedy: 'make a random one' });
  });
  if (problems.length > 0 || !active || !dataFile) throw new SettingsError(problems);
  return {
    tokenKeys: { active, byId: tokenKeys },
    dataKeys: { active: dataFile.active, byId: dataKeys },
    csrfKey,
    pseudonymKey,
    bootstrapUsers,
  };
}

/** 32 random bytes have some 30 different values; a placeholder has few. */
const isWeak = (bytes: Buffer): boolean => new Set(bytes).size < 16;

const weak = (name: string): SettingsProblem => ({
  name: `SECRETS_DIR/${name}`,
  found: 'is not random',
  remedy: 'make one: openssl rand -base64 32',
});

const noSuchKey = (file: string, id: string): SettingsProblem => ({
  name: `SECRETS_DIR/${file}/active`,
  found: `names ${JSON.stringify(id)}, which is not among the keys`,
  remedy: 'name one of the keys, or add it',
});

function toTokenKey(
  jwk: Static<typeof tokenKeysFile>['keys'][number],
  problems: SettingsProblem[],
): TokenKey {
  const { createdAt, d, ...shared } = jwk;
  try {
    const privateKey = createPrivateKey({ key: { ...shared, d }, format: 'jwk' });
    return {
      kid: jwk.kid,
      privateKey,
      publicKey: createPublicKey(privateKey),
      jwk: shared,
      createdAt: new Date(createdAt),
    };
  } catch {
    problems.push({
      name: `SECRETS_DIR/token-keys.json/${jwk.kid}`,
      found: 'is no Ed25519 key',
      remedy: 'make a new one',
    });
    return { kid: jwk.kid } as TokenKey;
  }
}

function parse(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined;
  }
}
