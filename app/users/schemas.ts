import { Type } from 'typebox';
import { roles } from '../http/context.ts';
import { minPasswordLength } from '../settings/weak-passwords.ts';

/** A login name. */
export const Email = Type.String({ format: 'email', minLength: 3, maxLength: 254 });

/** A password that an account gets. */
export const NewPassword = Type.String({
  minLength: minPasswordLength,
  maxLength: 256,
  description:
    'Five different characters or more and at most 256 bytes; not one of the most used passwords or a variant of one, and no part of the e-mail address or name of the service in it.',
});

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
  { additionalProperties: false },
);
