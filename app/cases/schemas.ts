import type { FastifyServerOptions } from 'fastify';
import { Type } from 'typebox';
import { roles } from '../http/context.ts';
import { badRequest, type FieldError, Problem } from '../http/problem.ts';
import { normaliseText } from '../http/text.ts';
import { caseStatuses } from './case.ts';

const closed = { additionalProperties: false } as const;

/** Opaque, random. */
export const CaseId = Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' });
const maxLength = { title: 200, description: 10_000 } as const;
const Title = Type.String({ minLength: 1, maxLength: maxLength.title });
const Description = Type.String({ maxLength: maxLength.description });
const Status = Type.Enum([...caseStatuses]);
const Instant = Type.String({ format: 'date-time', maxLength: 40 });

export const CaseSchema = Type.Object(
  {
    id: CaseId,
    title: Title,
    description: Description,
    status: Status,
    version: Type.Integer({ minimum: 1 }),
    ownerId: Type.String({ maxLength: 64 }),
    createdAt: Instant,
    updatedAt: Instant,
  },
  closed,
);
export const CreateBody = Type.Object(
  { title: Title, description: Type.Optional(Description), status: Type.Optional(Status) },
  closed,
);
export const ChangeBody = Type.Partial(
  Type.Object({ title: Title, description: Description, status: Status }),
  { ...closed, minProperties: 1 },
);

const Cursor = Type.String({ pattern: '^[0-9a-z]{9}\\.[A-Za-z0-9_-]{22}$' });
const OwnerId = Type.String({
  pattern: '^[A-Za-z0-9_-]{22}$',
  description: "Another user's cases; admins only.",
});
export const OwnerQuery = Type.Object({ ownerId: Type.Optional(OwnerId) }, closed);
export const ListQuery = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 100, default: 20 }),
    cursor: Type.Optional(Cursor),
    ownerId: Type.Optional(OwnerId),
  },
  closed,
);
export const SearchBody = Type.Object(
  {
    text: Type.String({
      minLength: 1,
      maxLength: 100,
      description: 'Looked for in title and description, without case.',
    }),
    status: Type.Optional(Status),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
    cursor: Type.Optional(Cursor),
    ownerId: Type.Optional(OwnerId),
  },
  closed,
);
export const PageSchema = Type.Object(
  {
    items: Type.Array(CaseSchema, { maxItems: 100 }),
    nextCursor: Type.Union([Cursor, Type.Null()]),
    unreadable: Type.Optional(
      Type.Array(CaseId, {
        maxItems: 1_000,
        description: 'For admins: stored cases of this page that could not be opened and are left out.',
      }),
    ),
  },
  closed,
);

const etag = '"[1-9][0-9]{0,15}(-[A-Za-z0-9_-]{8})?"';
/** The ETag that a change must name; `*` counts as none. */
export const RequiredIfMatch = Type.Object({
  'if-match': Type.String({
    pattern: `^${etag}$`,
    not: { const: '*' },
    description: 'The ETag of the case as you saw it.',
  }),
});
/** The ETag that a deletion may name. */
export const OptionalIfMatch = Type.Object({
  'if-match': Type.Optional(
    Type.String({ pattern: `^(\\*|${etag})$`, description: 'The ETag of the case as you saw it, or `*`.' }),
  ),
});

/** Answers 428 to a change without an ETag and 412 to a malformed one. */
export const refuseIfMatch: NonNullable<FastifyServerOptions['schemaErrorFormatter']> = (errors, place) => {
  if (place !== 'headers') return new Error('Bad Request');
  return errors.some(({ keyword }) => keyword === 'required' || keyword === 'not')
    ? new Problem(428, 'Precondition Required', { detail: 'Send If-Match with the ETag of the case you saw' })
    : new Problem(412, 'Precondition Failed', {
        detail: 'If-Match must be one ETag of this case, as the last answer had it',
      });
};

/** The roles that read cases, and those that change them. */
export const readers = roles;
export const writers = ['caseworker', 'admin'] as const;

/**
 * Normalises the text of a case that a request brings, before anything is written.
 * @param field JSON pointer of the object in the body
 * @throws Problem 400 where the normalised text is longer than the schema allows
 */
export function normaliseContent<T extends { title?: string; description?: string }>(
  content: T,
  field = '',
): T {
  const normalised = { ...content };
  const errors: FieldError[] = [];
  for (const name of ['title', 'description'] as const) {
    const text = content[name];
    if (text === undefined) continue;
    normalised[name] = normaliseText(text);
    // The schema counts characters, as the text that is stored does.
    if ([...normalised[name]].length > maxLength[name])
      errors.push({
        field: `${field}/${name}`,
        message: `is longer than ${maxLength[name]} characters in NFC`,
      });
  }
  if (errors.length > 0) throw badRequest(errors);
  return normalised;
}
