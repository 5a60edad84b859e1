import { type Check, verdict } from '../check.ts';
import { CouldNotCheck, send } from '../client.ts';

/** Paths of the internal listener, of tools, and of files that end up on servers by mistake. */
const hidden = [
  ...['/metrics', '/metrics/', '/%6detrics', '//metrics', '/api/v1/%2e%2e/%2e%2e/metrics'],
  ...[
    '/health/live',
    '/health/ready',
    '/health/startup',
    '/internal',
    '/internal/limits',
    '/internal%2flimits',
  ],
  ...['/docs', '/documentation', '/swagger', '/openapi.json', '/api/openapi.json', '/graphql'],
  ...['/.git/config', '/.env', '/package.json', '/backup.rdb', '/debug/pprof/', '/actuator/env'],
  ...['/server-status', '/grafana/', '/prometheus/', '/api/v1/admin', '/api/v1/debug'],
] as const;

export const exposureChecks: readonly Check[] = [
  {
    id: 'exposure-hidden-paths',
    group: 'exposure',
    control: 'EXP-1',
    expected:
      '404 for metrics, health details, internals, documentation and files, however the path is written',
    remedy: 'Serve them on the internal listener only, and route nothing else.',
    async run({ send: sendTo }) {
      const found: string[] = [];
      for (const path of hidden) {
        const { status } = await sendTo({ path });
        if (status !== 404 && !(status === 400 && path.includes('%'))) found.push(`${path}: ${status}`);
      }
      return verdict(found, `${hidden.length} paths, all 404`);
    },
  },
  {
    id: 'exposure-trace',
    group: 'exposure',
    control: 'ACC-4',
    expected: 'TRACE and CONNECT are refused, and echo nothing',
    remedy: 'Answer 405.',
    async run({ send: sendTo }) {
      const trace = await sendTo({ method: 'TRACE', path: '/', headers: { 'x-echo': 'echo-me' } });
      const ok = trace.status >= 400 && trace.status < 500 && !trace.body.includes('echo-me');
      return { ok, observed: `TRACE ${trace.status}` };
    },
  },
  {
    id: 'exposure-health',
    group: 'exposure',
    control: 'HDR-3',
    expected: 'GET /health and GET / answer 200 without versions, addresses or components',
    remedy: 'Answer a constant.',
    async run({ send: sendTo }) {
      const wrong: string[] = [];
      for (const path of ['/health', '/']) {
        const { status, body } = await sendTo({ path });
        if (status !== 200) wrong.push(`${path}: ${status}`);
        if (/redis|uptime|version|node|hostname|\d+\.\d+\.\d+/i.test(body))
          wrong.push(`${path} reveals details`);
      }
      return verdict(wrong, '200, no details');
    },
  },
  {
    id: 'exposure-internal-tls',
    group: 'exposure',
    control: 'EXP-1',
    expected: 'the internal listener speaks TLS, has metrics without personal data, and none of the API',
    remedy: 'Serve internal routes over TLS on a port of their own.',
    needs: ['internal'],
    async run({ internal }) {
      if (!internal) throw new CouldNotCheck('no internal listener');
      const metrics = await send(internal, { path: '/metrics' });
      const api = await send(internal, { path: '/api/v1/cases' });
      const login = await send(internal, { method: 'POST', path: '/api/v1/auth/login', body: '{}' });
      return verdict(
        [
          ...(internal.tls ? [] : ['plain']),
          ...(metrics.status === 200 ? [] : [`metrics ${metrics.status}`]),
          ...(api.status === 404 && login.status === 404 ? [] : [`API ${api.status}, login ${login.status}`]),
          ...(/(\w@\w|eyJ[\w-]{8,}\.)/.test(metrics.body) ? ['personal data in metrics'] : []),
        ],
        'TLS true, metrics 200, API 404',
      );
    },
  },
];
