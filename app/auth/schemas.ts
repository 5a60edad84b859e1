import { Type } from 'typebox';
import { roles } from '../http/context.ts';

const closed = { additionalProperties: false } as const;

/** A login name. */
export const Email = Type.String({ format: 'email', minLength: 3, maxLength: 254 });

/** What login takes. Any length of password is compared, so that the rules for new ones tell nothing here. */
export const LoginBody = Type.Object(
  {
    email: Email,
    password: Type.String({ minLength: 1, maxLength: 256 }),
    refreshIn: Type.Optional(
      Type.Enum(['body', 'cookie'], {
        default: 'body',
        description:
          'Where the refresh token goes: into the answer, or into a cookie that no script can read.',
      }),
    ),
  },
  closed,
);

const RefreshToken = Type.String({ minLength: 1, maxLength: 128 });

/** What refresh and logout take; nothing where the cookie is used. */
export const RefreshBody = Type.Union([Type.Object({ refreshToken: RefreshToken }, closed), Type.Null()]);

/** What login and refresh answer. */
export const Tokens = Type.Object(
  {
    accessToken: Type.String(),
    refreshToken: Type.Optional(Type.String()),
    csrfToken: Type.Optional(
      Type.String({ description: 'To be sent as X-CSRF-Token when refreshing by cookie.' }),
    ),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: 'Seconds.' }),
  },
  closed,
);

/** Random, 128 bits in base64url; it says nothing about its owner. */
export const AccountId = Type.String({ pattern: '^[A-Za-z0-9_-]{22}$', minLength: 22, maxLength: 22 });

/** A role. */
export const RoleName = Type.Enum([...roles]);

/** An account as its owner and admins see it. */
export const Account = Type.Object(
  {
    id: AccountId,
    email: Email,
    role: RoleName,
    disabled: Type.Boolean(),
    createdAt: Type.String({ format: 'date-time' }),
  },
  closed,
);

/** The published signing keys (RFC 7517). */
export const KeySet = Type.Object({
  keys: Type.Array(
    Type.Object(
      {
        kty: Type.String(),
        crv: Type.String(),
        x: Type.String(),
        kid: Type.String(),
        alg: Type.String(),
        use: Type.String(),
      },
      closed,
    ),
  ),
});
