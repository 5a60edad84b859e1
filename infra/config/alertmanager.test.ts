import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { ruleFiles } from '../../slo/rules.ts';
import { startServer } from '../../test/alerts/servers.ts';
import { needs } from '../../test/support/needs.ts';
import { freePort } from '../../test/support/redis.ts';
import { alertmanager } from '../components/alertmanager.ts';
import { configHash } from '../kubernetes/pod.ts';
import { execFile } from '../programs/child-process.ts';
import { loadSettings } from '../settings/index.ts';
import { type AlertReceiver, alertmanagerConfig, inhibitions, messageTemplate } from './alertmanager.ts';

interface ConfigMap {
  readonly data: Readonly<Record<string, string>>;
}

const amtool = async (...args: string[]): Promise<string> =>
  (await promisify(execFile)('amtool', args)).stdout;
const receivers: readonly AlertReceiver[] = [
  { name: 'pager', severity: 'critical', url: 'https://pager.test/x' },
  { name: 'chat', severity: 'warning', kind: 'slack', url: 'https://chat.test/y', channel: '#ops' },
  {
    name: 'mail',
    severity: 'warning',
    kind: 'email',
    to: 'ops@example.test',
    from: 'alerts@example.test',
    smarthost: 'mail.test:587',
    username: 'alerts',
    passwordFile: '/s/mail',
  },
  { name: 'heartbeat', severity: 'heartbeat', url: 'https://beat.test/z' },
];

const withAlertmanager = needs('alertmanager', 'amtool');
let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'alertmanager-'));
  file = join(directory, 'alertmanager.yml');
  writeFileSync(join(directory, 'messages.tmpl'), messageTemplate);
  writeFileSync(file, stringify(alertmanagerConfig({ receivers, templates: join(directory, '*.tmpl') })));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('alertmanager.yml', () => {
  withAlertmanager('is accepted, templates included', async () => {
    expect(await amtool('check-config', file)).toContain('SUCCESS');
  });

  withAlertmanager.each([
    ['critical', 'prod', 'RedisDown', 'pager,chat,mail'],
    ['warning', 'prod', 'RedisMemoryHigh', 'chat,mail'],
    ['critical', 'dev', 'RedisDown', 'chat,mail'],
    ['none', 'prod', 'Watchdog', 'heartbeat,none'],
  ])('a %s alert of %s (%s) goes to %s', async (severity, environment, alertname, expected) => {
    const labels = { severity, environment, alertname };
    const args = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
    const routed = await amtool('config', 'routes', 'test', `--config.file=${file}`, ...args);
    expect(routed.trim()).toBe(expected);
  });

  withAlertmanager('works without receivers', async () => {
    writeFileSync(join(directory, 'empty.yml'), stringify(alertmanagerConfig({ receivers: [] })));
    expect(await amtool('check-config', join(directory, 'empty.yml'))).toContain('SUCCESS');
  });

  it('reads a URL from a file when it is told to, and refuses a receiver without one', () => {
    const fromFile = alertmanagerConfig({
      receivers: [{ name: 'a', severity: 'critical', urlFile: '/s/a' }],
    });
    expect(JSON.stringify(fromFile)).toContain('"url_file":"/s/a"');
    expect(() => alertmanagerConfig({ receivers: [{ name: 'a', severity: 'critical' }] })).toThrow(
      'receiver a: give url or urlFile',
    );
    expect(() =>
      alertmanagerConfig({ receivers: [{ name: 'm', severity: 'warning', kind: 'email' }] }),
    ).toThrow('receiver m: give to, from and smarthost');
  });

  withAlertmanager('tells what is wrong and where to look, as Alertmanager itself writes it', async () => {
    const links = { grafana: 'https://grafana.test/', runbooks: 'https://git.test/docs/runbooks' };
    const rules = ruleFiles('prod', links).find(({ name }) => name === 'alerts-redis.yml');
    const [{ labels, annotations, alert }] = parse(rules?.content ?? '').groups[0].rules;
    const chat = createServer().listen(0, '127.0.0.1');
    await once(chat, 'listening');
    const secret = join(directory, 'chat-url');
    const hook = (path: string) => `http://127.0.0.1:${(chat.address() as AddressInfo).port}${path}`;
    writeFileSync(secret, hook('/hook'));
    const port = await freePort();
    const config = alertmanagerConfig({
      receivers: [
        {
          name: 'chat',
          severity: 'critical',
          kind: 'slack',
          channel: '#ops',
          urlFile: secret,
        },
      ],
      templates: join(directory, '*.tmpl'),
      timings: { groupWait: '100ms' },
    });
    writeFileSync(join(directory, 'chat.yml'), stringify(config));
    const url = `http://127.0.0.1:${port}`;
    const server = await startServer(
      'alertmanager',
      [
        `--config.file=${join(directory, 'chat.yml')}`,
        `--storage.path=${join(directory, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--cluster.listen-address=',
      ],
      `${url}/-/ready`,
    );
    const told = async (name: string) => {
      const asked = once(chat, 'request');
      await request(`${url}/api/v2/alerts`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify([{ labels: { ...labels, alertname: name }, annotations }]),
      });
      const [message, answer] = await asked;
      const body = (await json(message)) as { attachments: { title: string; text: string }[] };
      answer.end();
      return { ...body, path: message.url };
    };
    const { attachments, path } = await told(alert);
    // A changed secret needs no restart: the file is read at each message.
    writeFileSync(secret, hook('/rotated'));
    const later = await told('ServiceDown');
    await server.stop();
    expect([path, later.path]).toEqual(['/hook', '/rotated']);
    chat.close();
    chat.closeAllConnections();
    expect(attachments[0]?.title).toBe('1 firing: RedisDown (prod)');
    expect(attachments[0]?.text.trim().split('\n')).toEqual([
      'critical: No Redis server answers that could serve as primary',
      annotations.description,
      expect.stringMatching(/^Since \d{4}-\d\d-\d\d \d\d:\d\d UTC\.$/),
      'Runbook: https://git.test/docs/runbooks/RedisDown.md',
      expect.stringMatching(
        /^Panel: https:\/\/grafana\.test\/d\/simple378-redis\?viewPanel=\d+&var-environment=prod$/,
      ),
    ]);
  });

  it('has what the settings say, each receiver with its own secret', async () => {
    const to = { cidrs: ['192.0.2.1/32'], port: 443 };
    const mail = { to: 'a@x.test', from: 'b@x.test', server: 'mail.test', username: 'b' };
    const settings = loadSettings('dev', {
      'alertmanager.receivers': [
        { name: 'pager', severity: 'critical', ...to },
        { name: 'chat', severity: 'warning', kind: 'slack', channel: '#ops', ...to },
        { name: 'mail', severity: 'warning', kind: 'email', mail, ...to, port: 587 },
      ],
    });
    const { manifests, secrets = [] } = alertmanager(settings);
    const { data } = manifests.find(({ kind }) => kind === 'ConfigMap') as unknown as ConfigMap;
    const folder = join(directory, 'settings');
    mkdirSync(folder);
    for (const [name, content] of Object.entries(data))
      writeFileSync(
        join(folder, name),
        // Debian's amtool is older than url_file, which the cluster's knows.
        content.replaceAll('/etc/alertmanager', folder).replace('url_file: /', 'url: https://hook.test/'),
      );
    expect(await amtool('check-config', join(folder, 'alertmanager.yml'))).toMatch(
      /1 templates[\s\S]*SUCCESS/,
    );
    const file = (name: string) => `/run/secrets/alertmanager/${name}`;
    const { receivers: written } = parse(data['alertmanager.yml'] ?? '');
    expect(written).toMatchObject([
      { name: 'none' },
      { name: 'pager', webhook_configs: [{ url_file: file('pager') }] },
      { name: 'chat', slack_configs: [{ api_url_file: file('chat'), channel: '#ops' }] },
      {
        name: 'mail',
        email_configs: [
          {
            smarthost: 'mail.test:587',
            auth_username: 'b',
            auth_password_file: file('mail'),
            require_tls: true,
          },
        ],
      },
    ]);
    expect(
      secrets.map(({ files }) => Object.entries(files).map(([name, { from }]) => [name, ...from])),
    ).toEqual([['pager', 'chat', 'mail'].map((name) => [name, `config/receiver-${name}`])]);
  });

  it('rolls whenever one of its files changes, and mounts no secret where there is none', () => {
    const { manifests, secrets } = alertmanager(loadSettings('dev', { 'alertmanager.receivers': [] }));
    const { data } = manifests.find(({ kind }) => kind === 'ConfigMap') as unknown as ConfigMap;
    const pods = manifests.find(({ kind }) => kind === 'StatefulSet');
    expect(pods).toMatchObject({
      spec: {
        template: { metadata: { annotations: { 'simple378.example/config-hash': configHash(data) } } },
      },
    });
    expect(secrets).toEqual([]);
    expect(JSON.stringify(pods)).not.toContain('"secret"');
  });

  it('silences only within an environment', () => {
    for (const { equal } of inhibitions) expect(equal).toContain('environment');
  });

  it('can page for every environment', () => {
    expect(JSON.stringify(alertmanagerConfig({ receivers, quietEnvironments: [] }))).not.toContain(
      'environment!~',
    );
  });
});
