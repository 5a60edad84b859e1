import {
  choice,
  cidr,
  flag,
  gibibytes,
  integer,
  list,
  memory,
  object,
  optional,
  placement,
  section,
  server,
  text,
} from './fields.ts';

const user = (description: string, initial: string) =>
  text(description, 'a user name of 1 to 128 printable characters', '^[!-~]{1,128}$', initial);

/** The store of cases and limits. */
export const redis = section('The store of cases and limits.', {
  mode: choice(
    'One server, three with Sentinel, or one that somebody else runs.',
    ['single', 'sentinel', 'external'],
    'single',
  ),
  maxmemory: memory('Memory for data (`maxmemory`)', 128),
  maxclients: integer('Connections it accepts (`maxclients`).', 50, 60_000, 1000),
  storage: gibibytes('Volume of each server', 2),
  downAfterMilliseconds: integer('Silence after which Sentinel calls a primary down.', 500, 60_000, 1500),
  backup: section('Copies on a second volume.', {
    enabled: flag('Whether they are taken.', true),
    schedule: text(
      "When, in cron's form, UTC.",
      'five cron fields such as 15 * * * *',
      '^([\\d*,/-]+ ){4}[\\d*,/-]+$',
      '15 * * * *',
    ),
    keep: integer('How many are kept.', 1, 1000, 24),
    maxAgeHours: integer('Age of the newest that raises an alert.', 1, 720, 3),
    storage: gibibytes('Their volume', 5),
    ...placement,
  }),
  external: optional(
    object('The server of mode `external`.', {
      servers: list(
        'Where it is: one server, some nodes of a Cluster, or the Sentinels; with every port that a node has.',
        server('A server.'),
      ),
      cluster: flag('Whether it is a Redis Cluster.', false),
      sentinelPrimary: optional(
        text(
          'The name that Sentinels know the primary by; with it `servers` are Sentinels.',
          'a name of 1 to 128 printable characters',
          '^[!-~]{1,128}$',
        ),
      ),
      dataPorts: list(
        'Further TCP ports of its servers, such as 6379 behind Sentinels.',
        integer('A port.', 1, 65_535),
        [],
      ),
      nodePorts: optional(
        object('A range of ports that nodes of a Cluster move in, as 8500 to 8599 at Azure Managed Redis.', {
          from: integer('The first.', 1, 65_535),
          to: integer('The last.', 1, 65_535),
        }),
      ),
      authentication: choice(
        'By ACL users, each with its secret `simple378:redis-external-<user>`, or by one password without a user, the secret `simple378:redis-external-password`. Login by IAM tokens is not supported.',
        ['users', 'password'],
        'users',
      ),
      users: section('Names of the ACL users; each also ends the name of its secret.', {
        data: user('Of the data connection.', 'case-data'),
        limiter: user("Of the limiter's connection.", 'case-limiter'),
        sentinel: user('At the Sentinels.', 'sentinel'),
        exporter: user('Of the metrics exporter.', 'exporter'),
      }),
      ca: optional(
        text(
          'The authority of its certificate, PEM, several one after the other; absent: the public authorities.',
          'certificates in PEM form',
          '^\\s*(-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\\s]+-----END CERTIFICATE-----\\s*)+$',
        ),
      ),
      exporter: flag('Whether an exporter feeds metrics, dashboards and alerts of Redis.', true),
      cidrs: list('The addresses it may be reached at.', cidr('A block.')),
    }),
  ),
  ...placement,
});
