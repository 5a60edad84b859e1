import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { grafanaDashboardProvider, grafanaDatasources, grafanaIni, grafanaProvisioning } from './grafana.ts';

/** Sections and settings of an ini text. */
const read = (ini: string): Record<string, string> => {
  let section = '';
  return Object.fromEntries(
    ini.split('\n').flatMap((line) => {
      section = /^\[(.+)\]$/.exec(line)?.[1] ?? section;
      const [, key, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
      return key === undefined ? [] : [[`${section}.${key}`, value ?? '']];
    }),
  );
};

describe('grafana.ini', () => {
  it('lets nobody in without a login, and sends cookies over TLS only', () => {
    expect(read(grafanaIni())).toMatchObject({
      'auth.anonymous.enabled': 'false',
      'users.allow_sign_up': 'false',
      'security.cookie_secure': 'true',
      'security.cookie_samesite': 'strict',
      'security.strict_transport_security': 'true',
      'security.content_security_policy': 'true',
      'security.disable_gravatar': 'true',
      'security.allow_embedding': 'false',
      'analytics.reporting_enabled': 'false',
      'snapshots.external_enabled': 'false',
    });
  });

  it('names files of secrets, and holds none', () => {
    const ini = grafanaIni({
      adminPasswordFile: '/s/password',
      oidc: { issuer: 'https://id.test', clientId: 'c', clientSecretFile: '/s/oidc', adminGroup: 'ops' },
    });
    expect(read(ini)).toMatchObject({
      'security.admin_password': '$__file{/s/password}',
      'auth.generic_oauth.client_secret': '$__file{/s/oidc}',
      'auth.generic_oauth.role_attribute_path': "contains(groups[*], 'ops') && 'Admin' || 'Viewer'",
    });
  });

  it('keeps what a group or client holds: quotes, semicolons, number signs', () => {
    const ini = grafanaIni({
      oidc: {
        issuer: 'https://id.test',
        clientId: 'a;b#c',
        clientSecretFile: '/s',
        adminGroup: "O'Brien; #1",
      },
    });
    expect(ini).toContain('client_id = `a;b#c`\n');
    expect(ini).toContain(
      "role_attribute_path = `contains(groups[*], 'O\\'Brien; #1') && 'Admin' || 'Viewer'`\n",
    );
  });

  it('asks the identity provider below its issuer, or where it is told, and lets browsers come back from it', () => {
    const oidc = { issuer: 'https://id.test/', clientId: 'c', clientSecretFile: '/s', adminGroup: 'ops' };
    expect(read(grafanaIni({ oidc }))).toMatchObject({
      'auth.generic_oauth.auth_url': 'https://id.test/authorize',
      'auth.generic_oauth.token_url': 'https://id.test/token',
      'auth.generic_oauth.api_url': 'https://id.test/userinfo',
      'security.cookie_samesite': 'lax',
    });
    const [authUrl, tokenUrl, userinfoUrl] = ['a', 't', 'u'].map((path) => `https://other.test/${path}`);
    expect(read(grafanaIni({ oidc: { ...oidc, authUrl, tokenUrl, userinfoUrl } }))).toMatchObject({
      'auth.generic_oauth.auth_url': authUrl,
      'auth.generic_oauth.token_url': tokenUrl,
      'auth.generic_oauth.api_url': userinfoUrl,
    });
  });

  it('listens where it is told, and leaves out what is not given', () => {
    const local = read(grafanaIni({ bind: '127.0.0.1', port: 3100, secureCookies: false }));
    expect(local).toMatchObject({
      'server.http_addr': '127.0.0.1',
      'server.http_port': '3100',
      'security.cookie_secure': 'false',
    });
    expect(grafanaIni()).not.toContain('undefined');
    expect(grafanaIni()).not.toContain('[paths]');
  });

  it('refuses a value that would start another line', () => {
    expect(() => grafanaIni({ rootUrl: 'https://x.test\n[auth.anonymous]\nenabled = true' })).toThrow(
      'server.root_url: remove the line break',
    );
  });
});

describe('provisioning', () => {
  it('has one data source of a stable uid, that nobody edits', () => {
    const { datasources } = parse(grafanaDatasources({ prometheusUrl: 'http://p:9090' })) as {
      datasources: object[];
    };
    expect(datasources).toEqual([
      expect.objectContaining({ uid: 'prometheus', url: 'http://p:9090', isDefault: true, editable: false }),
    ]);
  });

  it('links exemplars to the trace store, and trusts our authority', () => {
    const text = grafanaDatasources({
      prometheusUrl: 'https://p',
      alertmanagerUrl: 'https://a',
      traces: { type: 'jaeger', url: 'https://t' },
      ca: 'PEM',
      scrapeIntervalSeconds: 5,
    });
    const { datasources } = parse(text) as {
      datasources: { uid: string; jsonData: object; secureJsonData: object }[];
    };
    expect(datasources.map(({ uid }) => uid)).toEqual(['prometheus', 'alertmanager', 'traces']);
    expect(datasources[0]?.jsonData).toMatchObject({
      timeInterval: '5s',
      tlsAuthWithCACert: true,
      exemplarTraceIdDestinations: [{ name: 'trace_id', datasourceUid: 'traces' }],
    });
    expect(datasources[0]?.secureJsonData).toEqual({ tlsCACert: 'PEM' });
  });

  it('has one provider of dashboards, whose files win', () => {
    const { providers } = parse(grafanaDashboardProvider('/d')) as { providers: object[] };
    expect(providers).toEqual([
      expect.objectContaining({ folderUid: 'simple378', allowUiUpdates: false, options: { path: '/d' } }),
    ]);
    const files = grafanaProvisioning({ prometheusUrl: 'http://p', dashboardFolder: '/d' });
    expect(files.map(({ path }) => path)).toEqual(['datasources/simple378.yml', 'dashboards/simple378.yml']);
  });
});
