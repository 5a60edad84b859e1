import type { Instant } from '../query/expression.ts';
import { and, div, gt, increase, lt, max, min, mul, or, rate, sub, sum, time } from '../query/promql.ts';
import { app, edge } from '../query/selectors.ts';
import type { Alert } from './alert.ts';

const day = 86_400;
const forged = [
  'malformed',
  'signature',
  'algorithm',
  'key',
  'type',
  'issuer',
  'audience',
  'claims',
] as const;
const loginFailures = app.counter('auth_login_total', { result: 'failure' });
/** Seconds that certificates are still valid: of the replicas, and of the edge by its hosts, the newest of each host. */
function certificateLeft(hasEdge: boolean): Instant<string> {
  const internal = sub(min(app.gauge('tls_cert_expiry_timestamp_seconds'), ['environment']), time());
  const newest = max(edge.gauge('traefik_tls_certs_not_after'), ['environment', 'cn', 'sans']);
  return hasEdge ? or(internal as Instant<string>, sub(newest, time())) : internal;
}
const endsAfter = (days: number) => ({
  'tls_cert_expiry_timestamp_seconds{job="case-service",instance="a"}': `${days * day}x60`,
});
const publicEndsAfter = (days: number, serial = '1') => ({
  [`traefik_tls_certs_not_after{job="traefik",instance="a",cn="",sans="x.test",serial="${serial}"}`]: `${days * day}x60`,
});

/** Signs of an attack (ASVS 16.3), and of keys and certificates that nobody renews. */
export const securityAlerts = (hasEdge: boolean): readonly Alert[] => [
  {
    name: 'RefreshTokenReuse',
    severity: 'critical',
    for: '0m',
    keepFiring: false,
    expr: gt(
      sum(increase(app.counter('auth_refresh_total', { outcome: 'reuse' }), '10m'), ['environment']),
      0,
    ),
    summary: 'A refresh token was used twice: it may be stolen',
    description:
      '{{ $value | humanize }} token families were revoked in ten minutes; their users must log in again.',
    panel: { dashboard: 'security', title: 'Refreshes by outcome' },
    proof: {
      fires: { 'auth_refresh_total{job="case-service",outcome="reuse"}': '0x9 1x20' },
      silent: [
        { 'auth_refresh_total{job="case-service",outcome="replayed"}': '0+1x25' },
        { 'auth_refresh_total{job="case-service",outcome="reuse"}': '0x3 1x20' },
      ],
      at: '15m',
    },
  },
  {
    name: 'LoginFailuresHigh',
    severity: 'warning',
    for: '5m',
    expr: and(
      gt(sum(increase(loginFailures, '10m'), ['environment']), 20),
      gt(
        sum(rate(loginFailures, '10m'), ['environment']),
        mul(sum(rate(loginFailures, '1d'), ['environment']), 3),
      ),
    ),
    summary: 'Logins fail three times as often as over the last day',
    description:
      '{{ $value | humanize }} logins failed in ten minutes: passwords are being guessed, or a client has an old one.',
    panel: { dashboard: 'security', title: 'Logins by result' },
    proof: {
      fires: { 'auth_login_total{job="case-service",result="failure"}': '0x60 1+10x40' },
      silent: [
        { 'auth_login_total{job="case-service",result="failure"}': '0x60 1+1.8x40' },
        // After an hour of many failures, what is more than twice the day's rate and less than three times.
        { 'auth_login_total{job="case-service",result="failure"}': '0+20x60 1200+2.5x40' },
      ],
      at: '80m',
    },
  },
  {
    name: 'TokenRejectionsHigh',
    severity: 'warning',
    for: '5m',
    expr: gt(
      sum(increase(app.counter('auth_token_rejected_total', { reason: { oneOf: forged } }), '10m'), [
        'environment',
        'reason',
      ]),
      20,
    ),
    summary: 'Access tokens that we did not issue are being tried',
    description: '{{ $value | humanize }} tokens were refused for `{{ $labels.reason }}` in ten minutes.',
    panel: { dashboard: 'security', title: 'Tokens refused by reason' },
    proof: {
      fires: { 'auth_token_rejected_total{job="case-service",reason="signature"}': '0+10x30' },
      silent: [
        { 'auth_token_rejected_total{job="case-service",reason="expired"}': '0+10x30' },
        { 'auth_token_rejected_total{job="case-service",reason="signature"}': '0+1.8x30' },
      ],
      at: '20m',
    },
  },
  {
    name: 'AuthServerErrors',
    severity: 'warning',
    for: '5m',
    expr: gt(
      sum(
        increase(
          app.counter('http_requests_total', {
            route: {
              oneOf: ['/api/v1/auth/login', '/api/v1/auth/refresh', '/api/v1/auth/logout', '/api/v1/auth/me'],
            },
            status: '5xx',
          }),
          '10m',
        ),
        ['environment', 'route'],
      ),
      5,
    ),
    summary: 'Authentication answers with server errors',
    description:
      '{{ $value | humanize }} answers of {{ $labels.route }} in ten minutes were 5xx: users cannot get in.',
    panel: { dashboard: 'security', title: 'Errors of authentication' },
    proof: {
      fires: {
        'http_requests_total{job="case-service",route="/api/v1/auth/login",method="POST",status="5xx"}':
          '0+2x30',
      },
      silent: [
        {
          'http_requests_total{job="case-service",route="/api/v1/cases",method="GET",status="5xx"}': '0+2x30',
        },
        {
          'http_requests_total{job="case-service",route="/api/v1/auth/login",method="POST",status="5xx"}':
            '0+0.45x30',
        },
      ],
      at: '25m',
    },
  },
  {
    name: 'LoginOverloaded',
    severity: 'warning',
    for: '5m',
    expr: gt(
      div(
        sum(increase(app.counter('auth_login_total', { result: 'overloaded' }), '10m'), ['environment']),
        sum(increase(app.counter('auth_login_total'), '10m'), ['environment']),
      ),
      0.05,
    ),
    summary: 'Logins are turned away because password checks do not keep up',
    description: '{{ $value | humanizePercentage }} of logins of ten minutes were turned away with 503.',
    panel: { dashboard: 'security', title: 'Password checks waiting' },
    proof: {
      fires: {
        'auth_login_total{job="case-service",result="overloaded"}': '0+1x30',
        'auth_login_total{job="case-service",result="success"}': '0+5x30',
      },
      silent: [
        {
          'auth_login_total{job="case-service",result="overloaded"}': '0+45x30',
          'auth_login_total{job="case-service",result="success"}': '0+955x30',
        },
      ],
      at: '25m',
    },
  },
  {
    name: 'SigningKeyOld',
    severity: 'warning',
    for: '1h',
    expr: gt(max(app.gauge('jwt_key_age_seconds'), ['environment']), 90 * day),
    summary: 'The key that signs access tokens is older than 90 days',
    description: 'It has been in use for {{ $value | humanizeDuration }}; rotate it.',
    panel: { dashboard: 'security', title: 'Age of the signing key' },
    proof: {
      fires: { 'jwt_key_age_seconds{job="case-service",instance="a"}': `${91 * day}+60x120` },
      silent: [{ 'jwt_key_age_seconds{job="case-service",instance="a"}': `${89 * day}+60x120` }],
      at: '100m',
    },
  },
  {
    name: 'CertificateExpiresSoon',
    severity: 'warning',
    for: '10m',
    expr: lt(certificateLeft(hasEdge), 14 * day),
    summary: 'A served certificate ends within 14 days',
    description:
      '{{ $value | humanizeDuration }} are left of the certificate of {{ if $labels.sans }}{{ $labels.sans }}{{ else }}the replicas{{ end }}: automatic renewal has not happened.',
    panel: { dashboard: 'security', title: 'Certificate: time left' },
    proof: {
      fires: [endsAfter(10), publicEndsAfter(10)],
      // The second was renewed: Traefik still lists the old one.
      silent: [endsAfter(15), publicEndsAfter(15), { ...publicEndsAfter(10), ...publicEndsAfter(80, '2') }],
      at: '30m',
    },
  },
  {
    name: 'CertificateExpiresNow',
    severity: 'critical',
    for: '1m',
    expr: lt(certificateLeft(hasEdge), 2 * day),
    summary: 'A served certificate ends within two days',
    description:
      '{{ $value | humanizeDuration }} are left of the certificate of {{ if $labels.sans }}{{ $labels.sans }}{{ else }}the replicas{{ end }}; then every client refuses to connect.',
    panel: { dashboard: 'security', title: 'Certificate: time left' },
    proof: {
      fires: [endsAfter(1), publicEndsAfter(1)],
      silent: [endsAfter(2.2), publicEndsAfter(2.2)],
      at: '30m',
    },
  },
];
