import type { FastifyInstance, FastifySchema, RouteOptions } from 'fastify';
import type { Role } from './context.ts';
import { refusesMethod } from './methods.ts';

type Json = { readonly [member: string]: unknown };

/** One operation as OpenAPI and `security-verify` read it. */
export interface Operation extends Json {
  readonly operationId: string;
  /** `public`, or the roles admitted. */
  readonly 'x-access': 'public' | readonly Role[];
}

/** An OpenAPI 3.1 document. */
export interface OpenApi extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/**
 * Collects the routes registered from now on. The function returned writes them as OpenAPI: what the schemas say, and
 * what every route has without saying so (limits, problems, the bearer token).
 */
export function describeRoutes(app: FastifyInstance, version: string): () => OpenApi {
  const paths: Record<string, Record<string, Operation>> = {};
  app.addHook('onRoute', (route: RouteOptions) => {
    if (route.config && refusesMethod in route.config) return;
    const url = route.url.replace(/:(\w+)/g, '{$1}');
    for (const method of [route.method].flat()) {
      // A HEAD goes wherever a GET does.
      if (method === 'HEAD') continue;
      paths[url] = { ...paths[url], [method.toLowerCase()]: toOperation(method, url, route) };
    }
  });
  return () => ({
    openapi: '3.1.0',
    info: {
      title: 'Simple378 case service',
      version,
      description:
        'Cases with limits per user. Every error is a problem document (RFC 9457); every answer says how much of the rate limit is left.',
      license: { name: 'MIT', identifier: 'MIT' },
    },
    servers: [{ url: '/' }],
    tags: [...new Set(Object.values(paths).flatMap((item) => Object.values(item).flatMap(tagsOf)))]
      .sort()
      .map((name) => ({ name })),
    paths: Object.fromEntries(Object.entries(paths).sort(([a], [b]) => (a < b ? -1 : 1))),
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'at+jwt' } },
      schemas: { Problem: problemSchema },
      responses: Object.fromEntries(
        Object.entries(problems).map(([status, description]) => [
          `Problem${status}`,
          {
            description,
            headers: {
              ...rateLimitFields,
              ...(status === '429' || status === '503' ? { 'Retry-After': retryAfter } : {}),
            },
            content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
          },
        ]),
      ),
    },
  });
}

function toOperation(method: string, url: string, { schema = {}, config = {} }: RouteOptions): Operation {
  const { access = [] } = config;
  const { summary, tags, body } = schema as FastifySchema & { summary?: string; tags?: string[] };
  const parameters = (['path', 'query', 'header'] as const).flatMap((place) => toParameters(place, schema));
  const errors = [
    ...(body || parameters.length > 0 ? [400] : []),
    ...(access === 'public' ? [] : [401, 403]),
    ...(url.includes('{') ? [404] : []),
    ...(schema.headers ? [412] : []),
    ...(body ? [413, 415] : []),
    ...(isHeaderRequired(schema) ? [428] : []),
    ...(/\/(login|refresh|logout)$/.test(url) ? [401] : []),
    ...(/\/(refresh|logout)$/.test(url) ? [403] : []),
    429,
    500,
    503,
  ];
  return {
    operationId: operationId(method, url),
    ...(summary ? { summary } : {}),
    ...(tags ? { tags } : {}),
    'x-access': access,
    security: [
      ...(access !== 'public' || url.endsWith('/logout') ? [{ bearer: [] }] : []),
      // Logout takes a refresh token in place of an access token.
      ...(url.endsWith('/logout') ? [{}] : []),
    ],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body ? { requestBody: toRequestBody(body as Json) } : {}),
    responses: {
      ...toResponses(schema.response as Record<string, Json> | undefined),
      ...Object.fromEntries(
        errors.map((status) => [status, { $ref: `#/components/responses/Problem${status}` }]),
      ),
      default: { $ref: '#/components/responses/Problem' },
    },
  };
}

const isHeaderRequired = ({ headers }: FastifySchema): boolean =>
  ((headers as { required?: string[] } | undefined)?.required ?? []).length > 0;

const tagsOf = (operation: Operation): string[] => (operation.tags as string[] | undefined) ?? [];

/** `GET /api/v1/cases/{id}` is `getCasesById`. */
function operationId(method: string, url: string): string {
  const words = url.replace(/^\/(api\/v1|\.well-known)?/, '').split(/[/.-]/);
  const named = words.filter(Boolean).map((word) => word.replace(/^\{(\w)(\w*)\}$/, 'By$1$2'));
  return method.toLowerCase() + (named.length > 0 ? named : ['root']).map(capital).join('');
}

const capital = (word: string): string => {
  const by = /^By(\w)/.exec(word);
  return by ? `By${word[2]?.toUpperCase()}${word.slice(3)}` : `${word[0]?.toUpperCase()}${word.slice(1)}`;
};

function toParameters(place: 'path' | 'query' | 'header', schema: FastifySchema): Json[] {
  const source = { path: schema.params, query: schema.querystring, header: schema.headers }[place] as
    | { properties?: Record<string, Json>; required?: string[] }
    | undefined;
  return Object.entries(source?.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || (source?.required?.includes(name) === true && !('default' in property)),
    schema: property,
  }));
}

/** A body that may be left out may also be null. */
function toRequestBody(body: Json): Json {
  const choices = (body.anyOf ?? []) as Json[];
  return {
    required: choices.every(({ type }) => type !== 'null'),
    content: { 'application/json': { schema: body } },
  };
}

function toResponses(responses: Readonly<Record<string, Json>> = {}): Json {
  return Object.fromEntries(
    Object.entries(responses).map(([status, response]) => {
      const { content, description = 'Success.', ...schema } = response;
      const empty = schema.type === 'null';
      return [
        status,
        {
          description,
          headers: rateLimitFields,
          ...(empty ? {} : { content: content ?? { 'application/json': { schema } } }),
        },
      ];
    }),
  );
}

const integer = { type: 'integer', format: 'int64', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;
const retryAfter = { description: 'Seconds after which a retry is admitted.', schema: integer };
const rateLimitFields = {
  'X-RateLimit-Limit': { description: 'Quota of the tightest policy.', schema: integer },
  'X-RateLimit-Remaining': { description: 'What is left of it.', schema: integer },
  'X-RateLimit-Reset': { description: 'When all of it is free again, Unix seconds.', schema: integer },
};

const problemSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'instance'],
  properties: {
    type: { type: 'string', format: 'uri-reference', maxLength: 200 },
    title: { type: 'string', maxLength: 100 },
    status: { type: 'integer', format: 'int32', minimum: 400, maximum: 599 },
    detail: { type: 'string', maxLength: 500 },
    instance: {
      type: 'string',
      maxLength: 64,
      description: "The request's id, as in X-Request-Id and in the log.",
    },
    errors: {
      type: 'array',
      maxItems: 20,
      items: {
        type: 'object',
        required: ['field', 'message'],
        properties: {
          field: { type: 'string', maxLength: 300 },
          message: { type: 'string', maxLength: 300 },
        },
      },
    },
  },
} as const;

/** By status; '' is any other. */
const problems: Readonly<Record<string, string>> = {
  '': 'Any other error.',
  400: 'The request is not well formed; `errors` names each field.',
  401: 'No valid access token, or wrong credentials.',
  403: 'The role does not admit this.',
  404: 'It does not exist, or not for you.',
  412: 'If-Match does not name the case as it is now.',
  413: 'The body is too large.',
  415: 'The body is not application/json.',
  428: 'If-Match is missing.',
  429: 'Rate limit exceeded.',
  500: 'Unexpected error; it was logged under `instance`.',
  503: 'The store does not answer, or the service is overloaded.',
};
