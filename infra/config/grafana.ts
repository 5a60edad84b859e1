import { stringify } from 'yaml';

/** Grafana's files: settings, data sources and the provider of dashboards. Pure. */

/** What grafana.ini depends on. Paths are as Grafana's process sees them. */
export interface GrafanaIniInput {
  /** File that holds the administrator's password; never the password itself. */
  readonly adminPasswordFile?: string;
  /** File that holds the key which Grafana encrypts its database's secrets with; its well-known default when left out. */
  readonly secretKeyFile?: string;
  /** Where browsers reach it, such as https://grafana.example/; links in alerts use it too. */
  readonly rootUrl?: string;
  /** Listen address and port; the defaults are all addresses and 3000. */
  readonly bind?: string;
  readonly port?: number;
  readonly dataDirectory?: string;
  readonly provisioningDirectory?: string;
  /** Off only where browsers reach it over plain HTTP on loopback; on when left out. */
  readonly secureCookies?: boolean;
  /** Login by OpenID Connect; without it only the administrator logs in. */
  readonly oidc?: {
    readonly issuer: string;
    /** Where they are not `authorize`, `token` and `userinfo` below the issuer. */
    readonly authUrl?: string | undefined;
    readonly tokenUrl?: string | undefined;
    readonly userinfoUrl?: string | undefined;
    readonly clientId: string;
    readonly clientSecretFile: string;
    /** Group whose members administer; the others read. */
    readonly adminGroup: string;
    /** Defaults: openid profile email groups, and the claim `groups`. */
    readonly scopes?: string;
    readonly groupsClaim?: string;
  };
}

/**
 * grafana.ini: nobody anonymous, nobody signs up, cookies over TLS only (browsers count localhost as that), nothing sent
 * to others, no edits that the next start would lose.
 */
export function grafanaIni(input: GrafanaIniInput = {}): string {
  const { oidc } = input;
  return ini({
    paths: { data: input.dataDirectory, provisioning: input.provisioningDirectory },
    server: { root_url: input.rootUrl, http_addr: input.bind, http_port: input.port },
    security: {
      admin_user: 'admin',
      admin_password: `$__file{${input.adminPasswordFile ?? '/run/secrets/grafana/admin-password'}}`,
      secret_key: input.secretKeyFile && `$__file{${input.secretKeyFile}}`,
      cookie_secure: input.secureCookies ?? true,
      // From another site's login page a browser sends no strict cookie back, and Grafana misses its state (grafana#17925).
      cookie_samesite: oidc ? 'lax' : 'strict',
      strict_transport_security: true,
      strict_transport_security_max_age_seconds: 31_536_000,
      content_security_policy: true,
      x_content_type_options: true,
      x_xss_protection: true,
      allow_embedding: false,
      disable_gravatar: true,
    },
    users: {
      allow_sign_up: false,
      allow_org_create: false,
      viewers_can_edit: false,
      default_theme: 'system',
    },
    'auth.anonymous': { enabled: false },
    'auth.basic': { enabled: true },
    auth: {
      login_maximum_inactive_lifetime_duration: '8h',
      login_maximum_lifetime_duration: '24h',
    },
    ...(oidc ? { 'auth.generic_oauth': openIdConnect(oidc) } : {}),
    snapshots: { external_enabled: false },
    analytics: {
      reporting_enabled: false,
      check_for_updates: false,
      check_for_plugin_updates: false,
      feedback_links_enabled: false,
    },
    news: { news_feed_enabled: false },
    plugins: { plugin_admin_enabled: false, preinstall_disabled: true },
    // Prometheus evaluates and Alertmanager sends: one place for alerts, and one that promtool tests.
    unified_alerting: { enabled: false },
    explore: { enabled: true },
    metrics: { enabled: true, disable_total_stats: true },
    log: { mode: 'console', level: 'info' },
    'log.console': { format: 'json' },
  });
}

function openIdConnect({
  issuer,
  authUrl,
  tokenUrl,
  userinfoUrl,
  clientId,
  clientSecretFile,
  adminGroup,
  scopes = 'openid profile email groups',
  groupsClaim = 'groups',
}: NonNullable<GrafanaIniInput['oidc']>) {
  const below = (path: string) => `${issuer.replace(/\/+$/, '')}/${path}`;
  return {
    enabled: true,
    name: 'Single sign-on',
    client_id: literal(clientId),
    client_secret: `$__file{${clientSecretFile}}`,
    scopes,
    auth_url: literal(authUrl ?? below('authorize')),
    token_url: literal(tokenUrl ?? below('token')),
    api_url: literal(userinfoUrl ?? below('userinfo')),
    use_pkce: true,
    role_attribute_path: literal(
      `contains(${claimPath(groupsClaim)}[*], '${adminGroup.replaceAll("'", "\\'")}') && 'Admin' || 'Viewer'`,
    ),
    allow_sign_up: true,
  };
}

/** In backticks a value is taken as it is: `;` and `#` begin no comment, quotes at its ends stay. Only where one of them occurs. */
const literal = (value: string): string => (/[;#"`\\]/.test(value) ? `\`${value}\`` : value);

/** A claim in JMESPath: in quotes where its name is not a plain word. */
const claimPath = (claim: string): string => (/^\w+$/.test(claim) ? claim : `"${claim}"`);

/** What the data sources depend on. */
export interface GrafanaDatasourcesInput {
  /** Prometheus as Grafana's backend reaches it. */
  readonly prometheusUrl: string;
  readonly alertmanagerUrl?: string;
  /** The trace store, when there is one. */
  readonly traces?: { readonly type: 'jaeger' | 'tempo'; readonly url: string };
  readonly scrapeIntervalSeconds?: number;
  /** Certificate authority of the URLs, as PEM, when they are https of our own. */
  readonly ca?: string;
}

/** Provisioning of data sources; exemplars on latency panels link to the trace store. */
export function grafanaDatasources(input: GrafanaDatasourcesInput): string {
  const trusted = input.ca
    ? { jsonData: { tlsAuthWithCACert: true }, secureJsonData: { tlsCACert: input.ca } }
    : { jsonData: {}, secureJsonData: {} };
  const source = (uid: string, name: string, type: string, url: string, jsonData: object = {}) => ({
    uid,
    name,
    type,
    url,
    access: 'proxy',
    orgId: 1,
    editable: false,
    isDefault: uid === 'prometheus',
    jsonData: { ...trusted.jsonData, ...jsonData },
    ...(input.ca ? { secureJsonData: trusted.secureJsonData } : {}),
  });
  return stringify({
    apiVersion: 1,
    prune: true,
    datasources: [
      source('prometheus', 'Prometheus', 'prometheus', input.prometheusUrl, {
        httpMethod: 'POST',
        timeInterval: `${input.scrapeIntervalSeconds ?? 15}s`,
        manageAlerts: false,
        ...(input.traces
          ? { exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: 'traces' }] }
          : {}),
      }),
      ...(input.alertmanagerUrl
        ? [
            source('alertmanager', 'Alertmanager', 'alertmanager', input.alertmanagerUrl, {
              implementation: 'prometheus',
              handleGrafanaManagedAlerts: false,
            }),
          ]
        : []),
      ...(input.traces ? [source('traces', 'Traces', input.traces.type, input.traces.url)] : []),
    ],
  });
}

/** The folder that dashboards are in, in Grafana. */
export const grafanaFolder = { uid: 'simple378', title: 'Simple378' } as const;

/** Provisioning of the dashboards in a directory; one provider, since two on a path loop forever (grafana#16638). */
export function grafanaDashboardProvider(dashboardFolder: string): string {
  return stringify({
    apiVersion: 1,
    providers: [
      {
        name: grafanaFolder.uid,
        orgId: 1,
        folder: grafanaFolder.title,
        folderUid: grafanaFolder.uid,
        type: 'file',
        // A dashboard that the code no longer has goes from Grafana, too.
        disableDeletion: false,
        allowUiUpdates: false,
        updateIntervalSeconds: 30,
        options: { path: dashboardFolder },
      },
    ],
  });
}

/** All provisioning files, by path below Grafana's provisioning directory. */
export function grafanaProvisioning(
  input: GrafanaDatasourcesInput & { readonly dashboardFolder: string },
): { path: string; content: string }[] {
  return [
    { path: 'datasources/simple378.yml', content: grafanaDatasources(input) },
    { path: 'dashboards/simple378.yml', content: grafanaDashboardProvider(input.dashboardFolder) },
  ];
}

type Ini = Readonly<Record<string, Readonly<Record<string, string | number | boolean | undefined>>>>;

/** Values must stay on their line; a line break would start a setting of its own. */
function ini(sections: Ini): string {
  return Object.entries(sections)
    .map(([name, settings]) => {
      const lines = Object.entries(settings)
        .filter(([, value]) => value !== undefined)
        .map(([key, value]) => {
          if (/[\r\n]/.test(String(value))) throw new Error(`${name}.${key}: remove the line break`);
          return `${key} = ${value}\n`;
        });
      return lines.length > 0 ? `[${name}]\n${lines.join('')}` : '';
    })
    .filter((section) => section !== '')
    .join('\n');
}
