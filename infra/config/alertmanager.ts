/** Alertmanager's configuration: who hears of which alert, grouped and without repetition of what follows. Pure. */

/** A receiver; `severity` heartbeat gets the Watchdog and nothing else. */
export interface AlertReceiver {
  readonly name: string;
  readonly severity: 'critical' | 'warning' | 'heartbeat';
  /** How it is told; webhook when left out. */
  readonly kind?: 'webhook' | 'slack' | 'email' | 'pagerduty' | 'opsgenie' | 'teams';
  /**
   * Webhook or Slack: the URL, or a file with it, when this configuration is no secret. Alertmanager reads the file, as it
   * does that of a password, at each message (notify/webhook/webhook.go, notify/email/email.go): a new one needs no restart.
   */
  readonly url?: string;
  readonly urlFile?: string;
  /** Slack: the channel. */
  readonly channel?: string;
  /** E-mail: to whom, from whom, by which server, `host:port`, and who logs in there. */
  readonly to?: string;
  readonly from?: string;
  readonly smarthost?: string;
  readonly username?: string;
  readonly passwordFile?: string;
}

/** What the configuration depends on. */
export interface AlertmanagerInput {
  readonly receivers: readonly AlertReceiver[];
  /** Environments whose alerts only the warning receivers get, whatever their severity. */
  readonly quietEnvironments?: readonly string[];
  /** Where {@link messageTemplate} is, when Slack or e-mail is used: a glob. */
  readonly templates?: string;
  /** Shorter waits, for tests. */
  readonly timings?: Partial<Timings>;
}

interface Timings {
  /** How long the first notification of a group waits for others. */
  readonly groupWait: string;
  /** How long further alerts of a group wait. */
  readonly groupInterval: string;
  /** When an unresolved alert is told again. */
  readonly repeatInterval: string;
}
const usual: Timings = { groupWait: '30s', groupInterval: '5m', repeatInterval: '4h' };

/** Alertmanager's configuration as an object; written as YAML or JSON. @throws Error when a receiver is incomplete */
export function alertmanagerConfig(input: AlertmanagerInput): object {
  const timings = { ...usual, ...input.timings };
  const of = (severity: AlertReceiver['severity']) =>
    input.receivers.filter((receiver) => receiver.severity === severity);
  const quiet = input.quietEnvironments ?? ['local', 'dev'];
  return {
    global: { resolve_timeout: '5m' },
    ...(input.templates ? { templates: [input.templates] } : {}),
    route: {
      receiver: 'none',
      // One message for what breaks together: an objective's burns, or a part's alerts.
      group_by: ['alertname', 'environment', 'slo'],
      group_wait: timings.groupWait,
      group_interval: timings.groupInterval,
      repeat_interval: timings.repeatInterval,
      routes: [
        ...of('heartbeat').map(({ name }) => ({
          receiver: name,
          matchers: ['alertname="Watchdog"'],
          // Not 0: the empty group would be flushed before its first alert is in, and wait a whole interval.
          group_wait: '1s',
          group_interval: '1m',
          repeat_interval: '1m',
          continue: true,
        })),
        // Ends here for everyone else.
        { receiver: 'none', matchers: ['severity="none"'] },
        ...of('critical').map(({ name }) => ({
          receiver: name,
          matchers: [
            'severity="critical"',
            ...(quiet.length > 0 ? [`environment!~"${quiet.join('|')}"`] : []),
          ],
          continue: true,
        })),
        ...of('warning').map(({ name }) => ({
          receiver: name,
          matchers: ['severity=~"warning|critical"'],
          repeat_interval: longer(timings.repeatInterval),
          continue: true,
        })),
      ],
    },
    inhibit_rules: inhibitions,
    receivers: [{ name: 'none' }, ...input.receivers.map(receiver)],
  };
}

const bothSeverities = 'LimiterDegraded|RedisRefusesClients|ServiceRestarting|EdgeLatencyHigh';

/** A cause silences what follows from it, within one environment. */
export const inhibitions = [
  inhibit(
    ['alertname="RedisDown"'],
    [
      'alertname=~"LimiterDegraded|LimiterBreakerOpen|LimiterOverAdmission|LimiterCorrectnessBudgetBurn|AuthServerErrors|RedisRefusesClients|RedisServerMissing|RedisBackupMissing"',
    ],
  ),
  inhibit(
    ['alertname="ServiceDown"'],
    ['alertname=~"ReplicaDown|ReplicasTooFew|ServiceRestarting|EdgeErrors"'],
  ),
  // Of the alerts that have both severities, the page silences the warning.
  inhibit(
    ['severity="critical"'],
    ['severity="warning"', `alertname=~"${bothSeverities}"`],
    ['environment', 'alertname'],
  ),
  inhibit(['alertname="LimiterDegraded"'], ['alertname="LimiterBreakerOpen"']),
  inhibit(['alertname="CertificateExpiresNow"'], ['alertname="CertificateExpiresSoon"']),
  inhibit(['alertname="RedisMemoryNearlyFull"'], ['alertname="RedisMemoryHigh"']),
  // The fast burn of an objective silences its slow ones.
  inhibit(
    ['alertname=~".+BudgetBurn"', 'severity="critical"'],
    ['alertname=~".+BudgetBurn"', 'severity="warning"'],
    ['environment', 'slo'],
  ),
] as const;

function inhibit(source: string[], target: string[], equal: string[] = ['environment']) {
  return { source_matchers: source, target_matchers: target, equal };
}

function receiver(one: AlertReceiver): object {
  const secret = (url: string, file: string) => {
    if (one.urlFile !== undefined) return { [file]: one.urlFile };
    if (one.url !== undefined) return { [url]: one.url };
    throw new Error(`receiver ${one.name}: give url or urlFile`);
  };
  switch (one.kind ?? 'webhook') {
    case 'webhook':
      return { name: one.name, webhook_configs: [{ ...secret('url', 'url_file'), send_resolved: true }] };
    case 'slack':
      return {
        name: one.name,
        slack_configs: [
          {
            ...secret('api_url', 'api_url_file'),
            ...(one.channel ? { channel: one.channel } : {}),
            send_resolved: true,
            title: '{{ template "simple378.title" . }}',
            text: '{{ template "simple378.text" . }}',
          },
        ],
      };
    case 'pagerduty':
      return {
        name: one.name,
        pagerduty_configs: [
          {
            routing_key_file: one.urlFile,
            send_resolved: true,
            description: '{{ template "simple378.title" . }}',
          },
        ],
      };
    case 'opsgenie':
      return {
        name: one.name,
        opsgenie_configs: [
          {
            api_key_file: one.urlFile,
            send_resolved: true,
            message: '{{ template "simple378.title" . }}',
            description: '{{ template "simple378.text" . }}',
          },
        ],
      };
    case 'teams':
      return {
        name: one.name,
        msteamsv2_configs: [
          {
            webhook_url_file: one.urlFile,
            send_resolved: true,
            title: '{{ template "simple378.title" . }}',
            text: '{{ template "simple378.text" . }}',
          },
        ],
      };
    case 'email': {
      const { to, from, smarthost } = one;
      if (!to || !from || !smarthost) throw new Error(`receiver ${one.name}: give to, from and smarthost`);
      return {
        name: one.name,
        email_configs: [
          {
            to,
            from,
            smarthost,
            require_tls: true,
            ...(one.username ? { auth_username: one.username } : {}),
            ...(one.passwordFile ? { auth_password_file: one.passwordFile } : {}),
            send_resolved: true,
            headers: { Subject: '{{ template "simple378.title" . }}' },
            text: '{{ template "simple378.text" . }}',
            html: '',
          },
        ],
      };
    }
  }
}

/** Warnings repeat half as often. */
const longer = (interval: string): string => interval.replace(/^\d+/, (count) => String(Number(count) * 2));

/** Messages that can be read on a phone: what, how bad, since when, what to do, where to look. */
export const messageTemplate = `{{ define "simple378.title" -}}
{{ if eq .Status "firing" }}{{ .Alerts.Firing | len }} firing{{ else }}resolved{{ end }}: {{ .CommonLabels.alertname }} ({{ .CommonLabels.environment }})
{{- end }}
{{ define "simple378.text" -}}
{{ range .Alerts }}{{ if eq .Status "firing" }}{{ .Labels.severity }}{{ else }}resolved{{ end }}: {{ .Annotations.summary }}
{{ .Annotations.description }}
Since {{ .StartsAt.UTC.Format "2006-01-02 15:04 MST" }}.
Runbook: {{ .Annotations.runbook_url }}
Panel: {{ .Annotations.dashboard_url }}

{{ end }}{{ end }}
`;
