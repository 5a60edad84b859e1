import { join } from 'node:path';
import type { Server } from 'node:tls';
import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { FastifyInstance } from 'fastify';
import type { DestinationStream } from 'pino';
import { caseOperations } from '../contract/metrics.ts';
import { createRateLimiter, InvalidPolicies } from '../limiter/index.ts';
import { createApi } from './api.ts';
import { type Accounts, createAccounts } from './auth/index.ts';
import type { Context } from './http/context.ts';
import type { Lifecycle } from './http/listener.ts';
import { maxConnections } from './http/memory.ts';
import { createPlain } from './http/plain.ts';
import { keepSockets } from './http/sockets.ts';
import { createInternal } from './internal.ts';
import packageFile from './package.json' with { type: 'json' };
import { connectRedis } from './redis/connect.ts';
import { readCertificate, serveCertificate, tlsFiles } from './settings/certificate.ts';
import type { Configuration } from './settings/load.ts';
import { readPolicies } from './settings/policies.ts';
import { readSecrets, secretFiles } from './settings/secrets.ts';
import { SettingsError } from './settings/settings.ts';
import { watchFiles } from './settings/watch.ts';
import { emit } from './telemetry/events.ts';
import { startPolicyCounters } from './telemetry/http-metrics.ts';
import { metricsObserver } from './telemetry/limiter-metrics.ts';
import { createLog } from './telemetry/log.ts';
import { createMetrics } from './telemetry/metrics.ts';
import { measureProcess } from './telemetry/process-metrics.ts';
import { startTracing } from './telemetry/tracing.ts';
import { bootstrapAccounts } from './users/bootstrap.ts';

/** Milliseconds between two checks of the files that may change. */
const pollMs = 1_000;

/** A running service: its listeners and how it ends. */
export interface Service {
  readonly context: Context;
  readonly accounts: Accounts;
  readonly lifecycle: Readonly<Lifecycle>;
  readonly api: FastifyInstance;
  readonly internal: FastifyInstance;
  /**
   * Not ready, wait until balancers noticed, finish what is open, close. Requests that are still open when
   * `SHUTDOWN_SECONDS` have passed are cut.
   */
  stop(): Promise<void>;
}

/** The parts that a test may replace. */
export interface ServiceOptions {
  readonly logTo?: DestinationStream;
  readonly spansTo?: SpanExporter;
}

/** Starts everything. It listens before Redis answers, and is ready once Redis did. */
export async function startService(
  { settings, secrets: firstSecrets, certificate: firstCertificate }: Configuration,
  { logTo, spansTo }: ServiceOptions = {},
): Promise<Service> {
  const secrets = { current: firstSecrets };
  const certificate = { current: firstCertificate };
  const lifecycle: Lifecycle = { booted: false, draining: false };
  const metrics = createMetrics();
  const { log, close: closeLog } = createLog(settings, metrics, logTo);
  const tracing = startTracing(settings, metrics, spansTo);
  const data = connectRedis('data', settings, { metrics, log });
  const limiterRedis = connectRedis('limiter', settings, { metrics, log });
  const limiter = createRateLimiter({
    redis: limiterRedis,
    policies: readPolicies(settings.POLICIES_FILE),
    replicas: settings.REPLICAS,
    secret: firstSecrets.pseudonymKey,
    operations: caseOperations,
    deadlineMs: {
      min: settings.LIMITER_DEADLINE_MS,
      max: settings.LIMITER_DEADLINE_MAX_MS,
      closed: settings.LIMITER_CLOSED_DEADLINE_MS,
    },
    observer: metricsObserver(metrics),
  });
  startPolicyCounters(metrics, limiter.policies);
  const context: Context = { settings, secrets, metrics, log, data, limiter };
  const accounts = createAccounts(data, metrics, secrets);
  const stopMeasuring = measureProcess(metrics, {
    settings,
    version: packageFile.version,
    secrets,
    certificate,
    lifecycle,
  });

  const api = await createApi(context, accounts, lifecycle, firstCertificate);
  const internal = await createInternal(context, accounts, lifecycle, firstCertificate);
  const plain = settings.PLAIN_PORT === undefined ? undefined : createPlain({ ...context, lifecycle });
  const listeners = [internal, api, ...(plain ? [plain] : [])];
  const sockets = listeners.map(({ server }) => keepSockets(server, maxConnections()));
  const host = settings.LISTEN_HOST;

  const watch = (files: readonly string[], reload: () => void) =>
    watchFiles(files, pollMs, () => {
      try {
        reload();
        emit(log, 'files_reloaded', { files: files.join(', ') });
      } catch (error) {
        emit(log, 'files_refused', { files: files.join(', '), problems: problemsOf(error) });
      }
    });
  const stopWatching = [
    watch(inFolder(settings.SECRETS_DIR, secretFiles), () => {
      secrets.current = readSecrets(settings.SECRETS_DIR);
    }),
    watch(inFolder(settings.TLS_DIR, tlsFiles), () => {
      certificate.current = readCertificate(settings.TLS_DIR);
      serveCertificate([api.server, internal.server] as unknown as Server[], certificate.current);
    }),
    ...(settings.POLICIES_FILE === undefined
      ? []
      : [
          watch([settings.POLICIES_FILE], () => {
            limiter.reload(readPolicies(settings.POLICIES_FILE));
            startPolicyCounters(metrics, limiter.policies);
          }),
        ]),
    ...(settings.OTEL_EXPORTER_OTLP_CERTIFICATE === undefined
      ? []
      : [watch([settings.OTEL_EXPORTER_OTLP_CERTIFICATE], tracing.reload)]),
  ];

  const stopBootstrap = bootstrapAccounts({ data, accounts, secrets, lifecycle, log });

  const stop = async (): Promise<void> => {
    lifecycle.draining = true;
    emit(log, 'draining', { seconds: settings.DRAIN_SECONDS });
    for (const { drain } of sockets) drain();
    await pause(settings.DRAIN_SECONDS);
    let cut = false;
    const deadline = setTimeout(
      () => {
        cut = true;
        for (const { cut: cutSockets } of sockets) cutSockets();
      },
      (settings.SHUTDOWN_SECONDS - settings.DRAIN_SECONDS) * 1_000,
    );
    // The internal port last: the last scrape and probe still get an answer.
    await Promise.all([api.close(), plain?.close()]);
    await internal.close();
    clearTimeout(deadline);
    for (const stopOne of stopWatching) stopOne();
    stopBootstrap();
    stopMeasuring();
    data.disconnect();
    limiterRedis.disconnect();
    await tracing.stop();
    emit(log, 'stopped', { cut });
    closeLog();
  };

  try {
    await internal.listen({ host, port: settings.INTERNAL_PORT });
    await api.listen({ host, port: settings.API_PORT });
    await plain?.listen({ host, port: settings.PLAIN_PORT ?? 0 });
  } catch (error) {
    for (const stopOne of stopWatching) stopOne();
    stopBootstrap();
    stopMeasuring();
    data.disconnect();
    limiterRedis.disconnect();
    closeLog();
    await Promise.all(listeners.map((listener) => listener.close()));
    throw error;
  }
  emit(log, 'started', {
    api: settings.API_PORT,
    internal: settings.INTERNAL_PORT,
    plain: settings.PLAIN_PORT ?? null,
  });
  return { context, accounts, lifecycle, api, internal, stop };
}

const inFolder = (folder: string, files: readonly string[]) => files.map((file) => join(folder, file));

const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

function problemsOf(error: unknown): string[] {
  if (error instanceof SettingsError) return error.problems.map(({ name, found }) => `${name} ${found}`);
  return error instanceof InvalidPolicies ? [...error.problems] : [String(error)];
}
