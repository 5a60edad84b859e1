import { Type } from 'typebox';
import { Email, NewPassword } from '../users/schemas.ts';

const closed = { additionalProperties: false } as const;

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
