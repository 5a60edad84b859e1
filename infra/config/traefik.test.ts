import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { edge } from '../components/edge.ts';
import { environments, loadSettings } from '../settings/index.ts';

interface Dynamic {
  readonly http: {
    readonly routers: Readonly<
      Record<string, { rule: string; service: string; entryPoints: string[]; middlewares: string[] }>
    >;
    readonly services: Readonly<Record<string, { loadBalancer: unknown }>>;
    readonly serversTransports: Readonly<Record<string, unknown>>;
    readonly middlewares: Readonly<
      Record<string, { buffering?: Record<string, number>; replacePath?: { path: string } }>
    >;
  };
}

/** The dynamic configuration of an environment, and its objects. */
function configured(environment: (typeof environments)[number], changes: Record<string, unknown> = {}) {
  const settings = loadSettings(environment, { 'edge.controller': 'traefik', ...changes });
  const { manifests } = edge(settings);
  const dataOf = (name: string) =>
    manifests.find(({ metadata }) => metadata.name === name)?.['data'] as Record<string, string>;
  const data = dataOf('edge-config');
  const routes = dataOf('edge-routes');
  return {
    settings,
    manifests,
    dynamic: parse(routes['dynamic.yml'] ?? '') as Dynamic,
    entryPoints: Object.keys(
      (parse(data['traefik.yml'] ?? '') as { entryPoints: Record<string, unknown> }).entryPoints,
    ),
  };
}

describe.each(environments)('the limit of bodies, %s', (environment) => {
  const { settings, manifests, dynamic, entryPoints } = configured(environment);
  const { routers, services, serversTransports } = dynamic.http;

  test('every router names the entry point, middlewares and Service that are there', () => {
    for (const router of Object.values(routers)) {
      expect(entryPoints).toEqual(expect.arrayContaining(router.entryPoints));
      expect(Object.keys(dynamic.http.middlewares)).toEqual(expect.arrayContaining(router.middlewares));
      expect(Object.keys(services)).toContain(router.service);
      expect(router.middlewares.slice(0, 2)).toEqual(['security-headers', 'body-limit']);
    }
  });

  test('answers of GET and HEAD stream: they are not the routers’', () => {
    const methods = '!Method(`GET`) && !Method(`HEAD`)';
    const grafana = settings.grafana.url;
    expect(Object.values(routers).map(({ rule }) => rule)).toEqual([
      `Host(\`${settings.edge.host}\`) && ${methods}`,
      grafana ? `!Host(\`${new URL(grafana).hostname}\`) && ${methods}` : methods,
    ]);
  });

  test('another host gets the path that the catch-all route gives it', () => {
    const rewritten = JSON.stringify(manifests.filter(({ kind }) => kind === 'HTTPRoute'));
    const path = dynamic.http.middlewares['unknown-host']?.replacePath?.path;
    expect(routers['bodies-elsewhere']?.middlewares).toContain('unknown-host');
    expect(rewritten).toContain(`"replaceFullPath":"${path}"`);
  });

  test('the hop to the pods is TLS, checked by the authority that the pod mounts', () => {
    expect(services['case-service']?.loadBalancer).toEqual({
      servers: [{ url: `https://case-service.${settings.namespace}.svc:8443` }],
      serversTransport: 'case-service',
    });
    expect(serversTransports['case-service']).toEqual({
      serverName: 'case-service',
      rootCAs: ['/run/tls/ca.crt'],
      // Below the 75 s after which the service closes an idle connection.
      forwardingTimeouts: { idleConnTimeout: '30s', responseHeaderTimeout: '15s' },
    });
  });
});

describe('app.limits edge', () => {
  const limits = { 'app.limits': 'edge', 'app.limitGateway': { image: 'registry.example/simple378/a:1' } };
  const forwardAuth = {
    address: 'https://limit-gateway.simple378-dev.svc:8443/verify',
    trustForwardHeader: false,
    authResponseHeadersRegex: '(?i)ratelimit',
    maxResponseBodySize: 65_536,
    tls: { ca: '/run/tls/ca.crt' },
  };

  test.each([true, false])(
    'every route to the service asks the gateway first, edge.gatewayApi %s',
    (gatewayApi) => {
      const { dynamic, manifests } = configured('dev', { ...limits, 'edge.gatewayApi': gatewayApi });
      const { routers, middlewares } = dynamic.http;
      expect(middlewares['limits']).toEqual({ forwardAuth });
      expect(Object.keys(routers).sort()).toEqual(['api', 'bodies', 'bodies-elsewhere', 'elsewhere']);
      for (const router of Object.values(routers))
        expect(router.middlewares.slice(0, 2)).toEqual(['security-headers', 'limits']);
      const routes = manifests
        .filter(({ kind }) => kind === 'HTTPRoute')
        .map(({ metadata }) => metadata.name);
      expect(routes).toEqual(gatewayApi ? ['edge-ready'] : []);
    },
  );

  test('behind other proxies their X-Forwarded-For counts, and no X-Forwarded-Uri of a client', () => {
    const { middlewares } = configured('dev', { ...limits, 'edge.trustedForwarders': ['198.51.100.0/24'] })
      .dynamic.http;
    expect(middlewares['limits']).toEqual({ forwardAuth: { ...forwardAuth, trustForwardHeader: true } });
    expect(middlewares['security-headers']).toMatchObject({
      headers: { customRequestHeaders: { 'x-forwarded-uri': '', 'x-forwarded-method': '' } },
    });
  });
});

test('edge.maxBodyKib is the limit; request and answer are held in memory, never on the disk', () => {
  expect(
    configured('dev', { 'edge.maxBodyKib': 256 }).dynamic.http.middlewares['body-limit']?.buffering,
  ).toEqual({ maxRequestBodyBytes: 262_144, memRequestBodyBytes: 262_144, memResponseBodyBytes: 8_388_608 });
});
