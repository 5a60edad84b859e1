import { send } from '../client.ts';
import type { Check } from '../types.ts';
import { CouldNotCheck } from '../types.ts';

/** What the public side must not have, and what health may tell. */

/** Paths that belong to the inside, to tools, or to mistakes. */
const hidden = [
  '/metrics',
  '/health/live',
  '/health/ready',
  '/health/startup',
  '/internal',
  '/internal/limits',
  '/docs',
  '/documentation',
  '/swagger',
  '/openapi.json',
  '/api/openapi.json',
  '/graphql',
  '/.git/config',
  '/.env',
  '/package.json',
  '/debug/pprof/',
  '/actuator/env',
  '/server-status',
  '/backup.rdb',
  '/grafana/',
  '/prometheus/',
] as const;

export const exposureChecks: readonly Check[] = [
  {
    id: 'exposure-hidden-paths',
    group: 'exposure',
    expected: '404 for metrics, health details, internals, documentation and files',
    remedy: 'Serve them on the internal listener only, and route nothing else.',
    references: ['ASVS 13.4.1', 'ASVS 13.4.5', 'API8', 'API9'],
    async run({ target }) {
      const found: string[] = [];
      for (const path of hidden) {
        const { status } = await send(target, { path });
        if (status !== 404) found.push(`${path}: ${status}`);
      }
      return { ok: found.length === 0, observed: found.join('; ') || `${hidden.length} paths, all 404` };
    },
  },
  {
    id: 'exposure-trace',
    group: 'exposure',
    expected: 'TRACE and CONNECT are refused, and echo nothing',
    remedy: 'Answer 405.',
    references: ['ASVS 13.4.4'],
    async run({ target }) {
      const trace = await send(target, { method: 'TRACE', path: '/', headers: { 'x-echo': 'echo-me' } });
      const ok = trace.status >= 400 && trace.status < 500 && !trace.body.includes('echo-me');
      return { ok, observed: `TRACE ${trace.status}` };
    },
  },
  {
    id: 'exposure-health',
    group: 'exposure',
    expected: 'GET /health and GET / answer 200 without versions, addresses or parts',
    remedy: 'Answer a constant.',
    references: ['ASVS 13.4.6', 'API8'],
    async run({ target }) {
      const wrong: string[] = [];
      for (const path of ['/health', '/']) {
        const { status, body } = await send(target, { path });
        if (status !== 200) wrong.push(`${path}: ${status}`);
        if (/redis|uptime|version|node|hostname|\d+\.\d+\.\d+/i.test(body))
          wrong.push(`${path} tells details`);
      }
      return { ok: wrong.length === 0, observed: wrong.join('; ') || '200, no details' };
    },
  },
  {
    id: 'exposure-internal-tls',
    group: 'exposure',
    expected: 'the internal listener speaks TLS, has metrics, and none of the API',
    remedy: 'Serve internal routes over TLS on a port of their own.',
    references: ['ASVS 12.3.1', 'ASVS 13.4.5'],
    needs: ['internal'],
    async run({ internal }) {
      if (!internal) throw new CouldNotCheck('no internal listener');
      const metrics = await send(internal, { path: '/metrics' });
      const api = await send(internal, { path: '/api/v1/cases' });
      const personal = /(@|eyJ[\w-]{8,}\.)/.test(metrics.body);
      const ok = internal.tls && metrics.status === 200 && api.status === 404 && !personal;
      return {
        ok,
        observed: `TLS ${internal.tls}, metrics ${metrics.status}, API ${api.status}${personal ? ', personal data in metrics' : ''}`,
      };
    },
  },
];
