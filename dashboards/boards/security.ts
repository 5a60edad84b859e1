import { increase, max, min, rate, sub, sum, time } from '../../slo/query/promql.ts';
import type { Board } from '../model/board.ts';
import { fleet, service } from '../model/scope.ts';

const every = '$__rate_interval';
const day = 86_400;

/** Signs of an attack, and what must be renewed (ASVS 16.3). */
export const security: Board = {
  uid: 'simple378-security',
  title: 'Simple378 Security signals',
  purpose: 'Signs of an attack, and keys and certificates that must be renewed in time.',
  instancesOf: 'case-service',
  rows: [
    {
      title: 'Getting in',
      panels: [
        {
          kind: 'timeseries',
          title: 'Logins by result',
          description: 'Logins per second: successful, wrong, slowed down, turned away.',
          action:
            'Many wrong ones: guessing, or a client with an old password. See denials of `login` policies.',
          min: 0,
          stacked: true,
          queries: [
            { expr: sum(rate(service.counter('auth_login_total'), every), ['result']), legend: '{{result}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Refreshes by outcome',
          description: 'Refresh tokens per second: rotated, repeated within the grace time, reused, invalid.',
          action: 'Any reuse may be a stolen token: follow the runbook RefreshTokenReuse.',
          min: 0,
          stacked: true,
          awaits: 'a client has refreshed its token',
          queries: [
            {
              expr: sum(rate(service.counter('auth_refresh_total'), every), ['outcome']),
              legend: '{{outcome}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Tokens refused by reason',
          description: 'Access tokens refused per second, by reason.',
          action:
            'expired and missing are everyday; signature, key, issuer or audience mean that somebody forges.',
          min: 0,
          stacked: true,
          awaits: 'a token has been refused',
          queries: [
            {
              expr: sum(rate(service.counter('auth_token_rejected_total'), every), ['reason']),
              legend: '{{reason}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Refused for lack of a role',
          description: 'Requests per second of signed-in users that their role does not allow, by route.',
          action: 'A few are curious clicks; many on one route are a client error or probing.',
          min: 0,
          awaits: 'a user has asked for what the role does not allow',
          queries: [
            { expr: sum(rate(service.counter('authz_denied_total'), every), ['route']), legend: '{{route}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Errors of authentication',
          description: 'Server errors per second on authentication routes.',
          action: 'Redis away is the usual cause: logins fail closed.',
          span: 8,
          min: 0,
          awaits: 'authentication has failed on our side',
          queries: [
            {
              expr: sum(
                rate(
                  service.counter('http_requests_total', {
                    route: {
                      oneOf: [
                        '/api/v1/auth/login',
                        '/api/v1/auth/refresh',
                        '/api/v1/auth/logout',
                        '/api/v1/auth/me',
                      ],
                    },
                    status: '5xx',
                  }),
                  every,
                ),
                ['route'],
              ),
              legend: '{{route}}',
            },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Password checks waiting',
          description: 'Logins that wait for a hashing slot, by replica.',
          action: 'A queue that does not empty: guessing, or too few replicas for the morning’s logins.',
          span: 8,
          min: 0,
          queries: [
            { expr: max(service.gauge('password_hash_queue_depth'), ['instance']), legend: '{{instance}}' },
          ],
        },
        {
          kind: 'timeseries',
          title: 'Malformed HTTP',
          description: 'Answers written on the raw socket: bad framing, timeouts, headers too large.',
          action: 'A scanner or a broken proxy; the service cuts such connections by itself.',
          span: 8,
          min: 0,
          awaits: 'a client has sent malformed HTTP',
          queries: [
            {
              expr: sum(increase(service.counter('http_client_errors_total'), every), ['code']),
              legend: '{{code}}',
            },
          ],
        },
      ],
    },
    {
      title: 'To be renewed',
      panels: [
        {
          kind: 'stat',
          title: 'Certificate: time left',
          description: 'Until the served certificate ends, the earliest of all replicas.',
          action: 'Below 14 days renewal has failed: follow the runbook CertificateExpiresSoon.',
          unit: 's',
          thresholds: [
            { from: 2 * day, state: 'warning' },
            { from: 14 * day, state: 'ok' },
          ],
          queries: [
            { expr: sub(min(fleet.gauge('tls_cert_expiry_timestamp_seconds')), time()), legend: 'left' },
          ],
        },
        {
          kind: 'stat',
          title: 'Age of the signing key',
          description: 'How long the key that signs access tokens has been in use.',
          action: 'Above 90 days: rotate it; the guide on operations says how.',
          unit: 's',
          thresholds: [{ from: 90 * day, state: 'warning' }],
          queries: [{ expr: max(fleet.gauge('jwt_key_age_seconds')), legend: 'age' }],
        },
      ],
    },
  ],
};
