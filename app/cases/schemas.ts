import { Type } from 'typebox';
import { roles } from '../http/context.ts';
import { caseStatuses } from './case.ts';

const closed = { additionalProperties: false } as const;

/** Opaque, random. */
export const CaseId = Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' });
const Title = Type.String({ minLength: 1, maxLength: 200 });
const Description = Type.String({ maxLength: 10_000 });
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
  { items: Type.Array(CaseSchema, { maxItems: 100 }), nextCursor: Type.Union([Cursor, Type.Null()]) },
  closed,
);
export const IfMatch = Type.Object({ 'if-match': Type.Optional(Type.String({ maxLength: 40 })) });

/** Who reads cases, and who changes them. */
export const readers = roles;
export const writers = ['caseworker', 'admin'] as const;
