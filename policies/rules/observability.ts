import { parse } from 'yaml';
import { containers, filesOf, isWorkload } from '../engine/kubernetes.ts';
import type { Resource } from '../engine/rule.ts';
import { integer, names, resourceRule } from '../engine/rule.ts';

/** Prometheus, Alertmanager and Grafana by their configuration files. */

interface AlertRule {
  readonly alert?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}
interface ScrapeConfig {
  readonly job_name?: string;
  readonly scheme?: string;
  readonly tls_config?: { readonly ca_file?: string; readonly insecure_skip_verify?: boolean };
}

export const observabilityRules = [
  resourceRule({
    name: 'grafana-hardened',
    control: 'OBS-1',
    title: 'Grafana knows its visitors, and its cookies travel over TLS only',
    why: 'Anonymous dashboards show who the customers are and how to hurt the service.',
    severity: 'high',
    remediation: 'Write grafana.ini by infra/config/grafana.ts.',
    references: ['API8', 'ASVS 3.3.1', 'ASVS 13.2.3', 'Grafana hardening guide'],
    applies: (resource) => filesOf(resource, /grafana\.ini$/).length > 0,
    *check(resource) {
      for (const [file, text] of filesOf(resource, /grafana\.ini$/)) {
        const ini = parseIni(text);
        const sameSite = ini.get('auth.generic_oauth.enabled') === 'true' ? ['strict', 'lax'] : ['strict'];
        for (const [key, wanted] of Object.entries({
          ...grafanaSettings,
          // Strict cookies do not come back from another site's login.
          'security.cookie_samesite': sameSite,
        }))
          if (!wanted.includes(ini.get(key) ?? '')) yield `${file}: ${key} is ${ini.get(key) ?? 'not set'}`;
        const password = ini.get('security.admin_password');
        if (password !== undefined && !password.startsWith('$__file{'))
          yield `${file}: security.admin_password is in the file`;
      }
    },
  }),
  resourceRule({
    name: 'alert-has-runbook',
    control: 'OBS-1',
    title: 'Every alert says how bad it is, what it means and what to do',
    why: 'An alert at night without a runbook is noise.',
    severity: 'low',
    remediation: 'Give the alert labels.severity, annotations.summary and annotations.runbook_url.',
    references: ['ASVS 16.3.4', 'SRE workbook'],
    applies: (resource) => ruleFiles(resource).length > 0,
    *check(resource) {
      for (const [file, text] of ruleFiles(resource)) {
        const { groups = [] } = yamlOf(text) as { groups?: readonly { rules?: readonly AlertRule[] }[] };
        for (const { alert, labels = {}, annotations = {} } of groups.flatMap(({ rules = [] }) => rules)) {
          if (alert === undefined) continue;
          const missing = [
            ...(labels.severity ? [] : ['severity']),
            ...['summary', 'runbook_url'].filter((name) => !annotations[name]),
          ];
          if (missing.length > 0) yield `${file}: alert ${alert} has no ${missing.join(', ')}`;
        }
      }
    },
  }),
  resourceRule({
    name: 'prometheus-scrapes-tls',
    control: 'OBS-1',
    title: 'Prometheus scrapes over TLS and verifies whom it asks',
    why: 'Metrics tell an intruder what works; a forged target tells us that all is well.',
    severity: 'medium',
    remediation: 'Set scheme: https and tls_config.ca_file on the job; localhost may be plain.',
    references: ['ASVS 12.3.1', 'ASVS 12.3.4'],
    config: {
      properties: {
        plainJobs: names('Jobs of others’ exporters, without users’ data, that Prometheus alone can reach', [
          'redis',
          // The same exporter, asked about the Sentinel beside it.
          'sentinel',
          'alertmanager',
          'grafana',
          'traefik',
          'otel-collector',
        ]),
      },
    },
    applies: (resource) => filesOf(resource, /prometheus\.ya?ml$/).length > 0,
    *check(resource, config) {
      const plain = config.plainJobs as readonly string[];
      for (const [file, text] of filesOf(resource, /prometheus\.ya?ml$/)) {
        const { scrape_configs = [] } = yamlOf(text) as { scrape_configs?: readonly ScrapeConfig[] };
        for (const job of scrape_configs) {
          if (job.tls_config?.insecure_skip_verify) yield `${file}: job ${job.job_name} verifies nothing`;
          if (job.scheme !== 'https' && !loopbackOnly(job) && !plain.includes(job.job_name ?? ''))
            yield `${file}: job ${job.job_name} is scraped in the clear`;
          else if (job.scheme === 'https' && !job.tls_config?.ca_file)
            yield `${file}: job ${job.job_name} names no ca_file`;
        }
      }
    },
  }),
  resourceRule({
    name: 'prometheus-hardened',
    control: 'OBS-1',
    title: 'Prometheus keeps what the objectives need, and nobody can delete it over HTTP',
    why: 'An objective over 30 days is wrong after 15; the admin API deletes series without a password.',
    severity: 'medium',
    remediation:
      'Set --storage.tsdb.retention.time to at least the longest window; leave --web.enable-admin-api out.',
    references: ['API8', 'ASVS 16.4.2'],
    config: {
      properties: { retentionDays: integer('Least retention, in days: the longest SLO window', 30) },
    },
    applies: (resource) => isWorkload(resource) && prometheusArgs(resource) !== null,
    *check(resource, config) {
      const args = prometheusArgs(resource) ?? [];
      const given =
        args.map((one) => /^--storage\.tsdb\.retention\.time=(.+)$/.exec(one)?.[1]).find(Boolean) ?? '15d';
      const least = config.retentionDays as number;
      if (!(days(given) >= least)) yield `retention is ${given}, shorter than ${least}d`;
      if (args.some((one) => one.startsWith('--web.enable-admin-api'))) yield 'the admin API is on';
    },
  }),
] as const;

/** Allowed values; the empty text stands for a setting that may be left out. */
const grafanaSettings: Readonly<Record<string, readonly string[]>> = {
  'auth.anonymous.enabled': ['false', ''],
  'users.allow_sign_up': ['false'],
  'security.cookie_secure': ['true'],
  'security.strict_transport_security': ['true'],
  'security.content_security_policy': ['true'],
  'security.allow_embedding': ['false', ''],
  'security.disable_gravatar': ['true'],
};

const parsed = new Map<string, unknown>();

/** YAML, parsed once a text: environments share their rule files, and those are long. */
function yamlOf(text: string): unknown {
  if (!parsed.has(text)) parsed.set(text, parse(text));
  return parsed.get(text);
}

/** Prometheus rule files: YAML whose top is `groups`. */
function ruleFiles(resource: Resource): readonly (readonly [string, string])[] {
  return filesOf(resource, /\.(rules|ya?ml|json)$/).filter(([, text]) =>
    /^(\{\s*"groups"|groups:)/m.test(text),
  );
}

function prometheusArgs(resource: Resource): readonly string[] | null {
  const found = containers(resource).find(({ image = '' }) => /\/prometheus[:@]/.test(image));
  return found ? (found.args ?? []) : null;
}

/** Prometheus asks itself over loopback; nothing else may be plain. */
function loopbackOnly(job: ScrapeConfig): boolean {
  const { static_configs } = job as { static_configs?: readonly { targets?: readonly string[] }[] };
  const targets = (static_configs ?? []).flatMap(({ targets: some = [] }) => some);
  return targets.length > 0 && targets.every((target) => /^(localhost|127\.0\.0\.1|\[::1\]):/.test(target));
}

function parseIni(text: string): ReadonlyMap<string, string> {
  let section = '';
  const values = new Map<string, string>();
  for (const line of text.split('\n').map((one) => one.trim())) {
    const heading = /^\[(.+)\]$/.exec(line)?.[1];
    if (heading !== undefined) section = heading;
    else if (!/^[;#]/.test(line)) {
      const [, key, value] = /^([\w.-]+)\s*=\s*(.*)$/.exec(line) ?? [];
      if (key !== undefined) values.set(`${section}.${key}`, value ?? '');
    }
  }
  return values;
}

const unitsInDays: Readonly<Record<string, number>> = { h: 1 / 24, d: 1, w: 7, y: 365 };

/** Prometheus durations of hours and more. */
function days(duration: string): number {
  const parts = [...duration.matchAll(/(\d+)([hdwy])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (unitsInDays[unit ?? ''] ?? 0), 0);
}
