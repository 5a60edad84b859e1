import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Server } from 'node:tls';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { DestinationStream, Logger } from 'pino';
import { routeClasses } from '../../contract/policies.ts';
import { RateLimitRefusal, type RouteLimits, rateLimit } from '../../limiter/fastify.ts';
import { createRateLimiter, type Subject } from '../../limiter/index.ts';
import { probeRoutes } from '../http/health.ts';
import { createListener, type Lifecycle } from '../http/listener.ts';
import { Problem } from '../http/problem.ts';
import { connectRedis } from '../redis/connect.ts';
import { readCertificate, serveCertificate, tlsFiles } from '../settings/certificate.ts';
import { readPolicies } from '../settings/policies.ts';
import { parseSettings, type Settings, SettingsError } from '../settings/settings.ts';
import { watchFiles } from '../settings/watch.ts';
import { emit } from '../telemetry/events.ts';
import { metricsObserver } from '../telemetry/limiter-metrics.ts';
import { createLog } from '../telemetry/log.ts';
import { createMetrics } from '../telemetry/metrics.ts';
import { createIdentifier } from './identity.ts';
import { forwardTo } from './proxy.ts';

/** A running gateway. */
export interface Gateway {
  readonly context: { readonly log: Logger };
  readonly api: FastifyInstance;
  readonly internal: FastifyInstance;
  stop(): Promise<void>;
}

/** Policies by the kind of request. The gateway does not read bodies, so a login counts by address and endpoint only. */
const limitsByKind = {
  default: { policies: routeClasses.default },
  intensive: { policies: routeClasses.intensive },
  login: { policies: routeClasses.login.filter((name) => name !== 'login') },
  anonymous: { policies: routeClasses.anonymous },
} as const satisfies Record<string, RouteLimits>;
/** Paths of the authorisation call; NGINX passes on 401 and 403 alone, so it gets 403 and the status in a header. */
const verifyPath = '/verify';
const verifyForNginxPath = '/verify-nginx';
const pollMs = 1_000;

/**
 * Starts the limit gateway: it answers the external-authorisation calls of an edge (Traefik `forwardAuth`, NGINX
 * `auth_request`, Envoy `ext_authz` over HTTP) by the rate limits, for a service that has none. With `GATEWAY_UPSTREAM` it
 * forwards admitted requests itself.
 * @throws SettingsError with every problem
 */
export async function startGateway(
  environment: Readonly<Record<string, string | undefined>>,
  logTo?: DestinationStream,
): Promise<Gateway> {
  const { settings, secret, certificate } = checkGateway(environment);
  const lifecycle: Lifecycle = { booted: false, draining: false };
  const metrics = createMetrics();
  const { log, close: closeLog } = createLog(settings, metrics, logTo);
  const redis = connectRedis('limiter', settings, { metrics, log });
  if (redis.status === 'ready') lifecycle.booted = true;
  else redis.once('ready', () => (lifecycle.booted = true));
  const limiter = createRateLimiter({
    redis,
    policies: readPolicies(settings.POLICIES_FILE),
    replicas: settings.REPLICAS,
    secret,
    deadlineMs: {
      min: settings.LIMITER_DEADLINE_MS,
      max: settings.LIMITER_DEADLINE_MAX_MS,
      closed: settings.LIMITER_CLOSED_DEADLINE_MS,
    },
    observer: metricsObserver(metrics),
  });
  const deps = { settings, metrics, log, lifecycle };

  const api = createListener(deps, certificate);
  const identify = createIdentifier(settings);
  api.addHook('onRequest', async (request) => {
    request.gatewayUser = await identify(request.headers.authorization);
  });
  await api.register(rateLimit, {
    limiter,
    subject: ({ ip, gatewayUser }: FastifyRequest): Subject => ({
      ip,
      userId: gatewayUser?.id,
      role: gatewayUser?.role,
    }),
    limitsOf: limitsBy(settings),
    onRefused: (decision, request) => {
      const { headers, problem } = new RateLimitRefusal(decision);
      const { title, status, ...members } = problem;
      const isNginx = settings.GATEWAY_UPSTREAM === undefined && request.url.startsWith(verifyForNginxPath);
      return new Problem(isNginx ? 403 : Number(status), String(title), {
        ...members,
        headers: { ...headers, 'x-ratelimit-status': String(status) },
      });
    },
  });
  const forward =
    settings.GATEWAY_UPSTREAM === undefined
      ? undefined
      : forwardTo(settings, { isDraining: () => lifecycle.draining });
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  api.all('/*', { config: { access: 'public' } }, async (request, reply) =>
    forward ? forward(request, reply) : reply.code(200).send(''),
  );

  const internal = createListener(deps, certificate);
  probeRoutes(internal, lifecycle);
  internal.get('/metrics', async ({ headers: { accept } }, reply) => {
    const { contentType, text } = await metrics.expose(accept);
    return reply.type(contentType).send(text);
  });

  const watch = (files: readonly string[], reload: () => void) =>
    watchFiles(files, pollMs, () => {
      try {
        reload();
        emit(log, 'files_reloaded', { files: files.join(', ') });
      } catch (error) {
        emit(log, 'files_refused', { files: files.join(', '), problems: [String(error)] });
      }
    });
  const stopWatching = [
    watch(
      tlsFiles.map((file) => join(settings.TLS_DIR, file)),
      () =>
        serveCertificate(
          [api.server, internal.server] as unknown as Server[],
          readCertificate(settings.TLS_DIR),
        ),
    ),
    ...(settings.POLICIES_FILE === undefined
      ? []
      : [watch([settings.POLICIES_FILE], () => limiter.reload(readPolicies(settings.POLICIES_FILE)))]),
  ];
  const stop = async (): Promise<void> => {
    lifecycle.draining = true;
    emit(log, 'draining', { seconds: settings.DRAIN_SECONDS });
    await new Promise((resolve) => setTimeout(resolve, settings.DRAIN_SECONDS * 1_000));
    await api.close();
    await internal.close();
    for (const stopOne of stopWatching) stopOne();
    redis.disconnect();
    emit(log, 'stopped', { cut: false });
    await closeLog();
  };
  await internal.listen({ host: settings.LISTEN_HOST, port: settings.INTERNAL_PORT });
  await api.listen({ host: settings.LISTEN_HOST, port: settings.API_PORT });
  emit(log, 'started', { api: settings.API_PORT, internal: settings.INTERNAL_PORT, plain: null });
  return { context: { log }, api, internal, stop };
}

/**
 * Reads the settings and files of a gateway.
 * @throws SettingsError with every problem
 */
export function checkGateway(environment: Readonly<Record<string, string | undefined>>) {
  const settings = parseSettings(withIssuer(environment));
  readPolicies(settings.POLICIES_FILE);
  const secret = readPseudonymKey(settings.SECRETS_DIR);
  return { settings, secret, certificate: readCertificate(settings.TLS_DIR) };
}

/** Returns the limits of a request by its path and by whether its user is known. */
function limitsBy(settings: Settings) {
  const intensive = settings.GATEWAY_INTENSIVE_PATHS?.split(',') ?? [];
  const login = settings.GATEWAY_LOGIN_PATHS?.split(',') ?? [];
  return (request: FastifyRequest, { userId }: Subject): RouteLimits => {
    const path = settings.GATEWAY_UPSTREAM === undefined ? originalPath(request) : request.url;
    const isUnder = (prefix: string) =>
      path === prefix || path.startsWith(`${prefix}/`) || path.startsWith(`${prefix}?`);
    if (login.some(isUnder)) return limitsByKind.login;
    if (userId === undefined) return limitsByKind.anonymous;
    return intensive.some(isUnder) ? limitsByKind.intensive : limitsByKind.default;
  };
}

/** Returns the path of the request that the edge asks about: a header of Traefik or NGINX, or Envoy's own path. */
function originalPath({ headers, url }: FastifyRequest): string {
  const given = headers['x-forwarded-uri'] ?? headers['x-original-uri'];
  if (typeof given === 'string') return given;
  return url.startsWith(`${verifyPath}/`) ? url.slice(verifyPath.length) : url;
}

/** The issuer is needed only with a JWKS; without one every request is anonymous. */
function withIssuer(environment: Readonly<Record<string, string | undefined>>) {
  if (environment.GATEWAY_JWKS_URL || environment.TOKEN_ISSUER) return environment;
  return { ...environment, TOKEN_ISSUER: 'https://no-issuer.invalid' };
}

/** @throws SettingsError when the file is absent or too short to be a secret */
function readPseudonymKey(folder: string): Buffer {
  const name = 'SECRETS_DIR/pseudonym-key';
  try {
    const key = Buffer.from(readFileSync(join(folder, 'pseudonym-key'), 'utf8').trim(), 'base64');
    if (key.length >= 32) return key;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new SettingsError([
      { name, found: `cannot be read (${code})`, remedy: 'create it, readable by this user' },
    ]);
  }
  throw new SettingsError([
    { name, found: 'has fewer than 32 bytes', remedy: 'write 32 random bytes in Base64' },
  ]);
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The user that a gateway's token names; absent for an anonymous request. */
    gatewayUser?: { readonly id: string; readonly role: string | undefined } | undefined;
  }
}
