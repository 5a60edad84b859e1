import Type from 'typebox';
import {
  annotationsOf,
  choice,
  destination,
  email,
  flag,
  gibibytes,
  host,
  httpsUrl,
  integer,
  labelsOf,
  list,
  memory,
  name,
  object,
  optional,
  placement,
  pods,
  printable,
  section,
  text,
} from './fields.ts';

const receiver = object('A receiver.', {
  name: name('Its name.'),
  severity: choice('Which alerts it gets.', ['critical', 'warning', 'heartbeat']),
  kind: choice(
    'The secret `simple378:receiver-<name>` is the URL of a webhook, of Slack or of Teams, the key of PagerDuty or Opsgenie, and the password for e-mail.',
    ['webhook', 'slack', 'email', 'pagerduty', 'opsgenie', 'teams'],
    'webhook',
  ),
  channel: optional(
    text("Slack: another channel than the URL's own.", '# and a name', '^#[a-z0-9_-]{1,79}$'),
  ),
  mail: optional(
    object('What `email` needs.', {
      to: email('To whom.'),
      from: email('From whom.'),
      server: host('Who takes it, with STARTTLS; `cidrs` and `port` are its.'),
      username: text('Who logs in there.', 'printable characters', '^[!-~]{1,200}$'),
    }),
  ),
  ...destination,
});

/** Metrics. */
export const prometheus = section('Metrics.', {
  retentionDays: integer('Days that samples are kept.', 1, 1000, 35),
  storage: gibibytes('Its volume', 10),
  memory: memory('Memory, requested and limit', 512, 256),
  scrapeIntervalSeconds: integer('Between two scrapes.', 5, 120, 15),
  budgetDays: list(
    'Periods of error budgets in days that are recorded and alerted on beside 30; retentionDays covers the longest.',
    choice('A period.', ['7', '28', '90']),
    [],
  ),
  externalLabels: labelsOf(
    'Labels of everything that leaves it: alerts and remote write. `environment`, and `cluster` and `region` where set, are there already.',
    {},
  ),
  remoteWrite: list(
    'Stores that every sample is also sent to, as Mimir, Amazon Managed Prometheus or Grafana Cloud.',
    object('A store.', {
      name: name('Its name.'),
      url: httpsUrl('Its remote-write URL.'),
      authentication: choice(
        'How it knows us: `basic` and `bearer` use the secret `simple378:remote-write-<name>`, `sigv4` the identity of the ServiceAccount.',
        ['none', 'basic', 'bearer', 'sigv4'],
        'none',
      ),
      username: optional(printable('The user of `basic`.')),
      region: optional(name('The AWS region of `sigv4`.')),
      headers: annotationsOf('Headers, such as X-Scope-OrgID; none may be a secret.'),
      ...destination,
    }),
    [],
  ),
  clients: list('Pods of other namespaces that may query it, as a Grafana that is there.', pods('Pods.'), []),
  ...placement,
});

/** Receivers of alerts. */
export const alertmanager = section('Who hears of alerts.', {
  receivers: list('Who is told, and how.', receiver, []),
  runbooksUrl: optional(
    httpsUrl(
      'Where `docs/runbooks` is shown, as a repository does: alerts link there. Absent, they name the file in this repository.',
    ),
  ),
  ...placement,
});

/** Dashboards. */
export const grafana = section('Dashboards.', {
  mode: choice(
    'Our own, with files, or one that is there, by its API.',
    ['provisioned', 'external'],
    'provisioned',
  ),
  url: optional(
    httpsUrl(
      'Where browsers reach it, on a host of its own: alerts link there, and the edge has a route to it. Mode `external` needs it, and the token as the secret `simple378:grafana-token`. Absent, it is localhost by `kubectl port-forward`.',
    ),
  ),
  prometheusUrl: optional(httpsUrl('Where the Grafana of mode `external` reaches the metrics.')),
  storage: gibibytes('Its volume', 1),
  memory: memory('Memory, requested and limit', 512, 256),
  oidc: optional(
    object('Login by OpenID Connect; register `<grafana.url>/login/generic_oauth` as redirect URI.', {
      issuer: httpsUrl('The identity provider.'),
      authUrl: optional(httpsUrl('Where browsers log in; absent: `<issuer>/authorize`.')),
      tokenUrl: optional(httpsUrl('Where Grafana gets tokens; absent: `<issuer>/token`.')),
      userinfoUrl: optional(httpsUrl('Where it asks who somebody is; absent: `<issuer>/userinfo`.')),
      clientId: text(
        'Our client; its secret is `simple378:grafana-oidc-secret`.',
        'printable characters except `',
        '^[!-_a-~]{1,200}$',
      ),
      adminGroup: text(
        'The group whose members administer.',
        'at most 200 characters on one line, except `',
        '^[^`\\x00-\\x1f\\x7f]{1,200}$',
      ),
      scopes: text(
        'The scopes that are asked for.',
        'scopes with spaces between them',
        '^[!#-_a-~]+( [!#-_a-~]+)*$',
        'openid profile email groups',
      ),
      groupsClaim: text(
        'The claim that holds the groups.',
        'the name of a claim',
        '^[A-Za-z_][A-Za-z0-9_.:/-]{0,200}$',
        'groups',
      ),
      ...destination,
    }),
  ),
  ...placement,
});

/** Traces. */
export const tracing = section('Traces.', {
  enabled: flag('Whether a collector and a trace store run.', false),
  sampleRatio: Type.Number({
    description: 'Share of requests traced.',
    minimum: 0,
    maximum: 1,
    default: 0.1,
  }),
  storage: gibibytes("The trace store's volume", 5),
  retentionHours: integer('Hours that traces are kept.', 1, 720, 72),
  external: optional(
    object('A trace store that is there already, instead of our own.', {
      endpoint: httpsUrl('Its OTLP/HTTP endpoint.'),
      ...destination,
    }),
  ),
  collector: section('Pods of the collector.', placement),
  store: section('Pods of our trace store.', placement),
});
