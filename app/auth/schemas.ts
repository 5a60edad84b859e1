import { Type } from 'typebox';
import { roles } from '../http/context.ts';

const closed = { additionalProperties: false } as const;

/** A login name. */
export const Email = Type.String({ format: 'email', minLength: 3, maxLength: 254 });

/** The body of a login. It accepts any length of password, because rules for new ones do not apply here. */
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

/** A password that an account gets. */
export const NewPassword = Type.String({
  minLength: 1,
  maxLength: 256,
  description:
    'At least 12 characters; not one of the most used passwords, and no part of the e-mail address in it.',
});

/** The body of a change of the own password. */
export const PasswordBody = Type.Object(
  { currentPassword: Type.String({ minLength: 1, maxLength: 256 }), newPassword: NewPassword },
  closed,
);

const RefreshToken = Type.String({ minLength: 1, maxLength: 128 });

/** The body of refresh and logout; empty where the cookie or the access token is used. */
export const RefreshBody = Type.Union([Type.Object({ refreshToken: RefreshToken }, closed), Type.Null()]);

/** The answer of login and refresh. */
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

/** 128 random bits in base64url. */
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
