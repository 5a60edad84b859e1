import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { type AlertReceiver, alertmanagerConfig, inhibitions, messageTemplate } from './alertmanager.ts';

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
    passwordFile: '/run/secrets/mail',
  },
  { name: 'heartbeat', severity: 'heartbeat', url: 'https://beat.test/z' },
];

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
  it('is accepted, templates included', async () => {
    expect(await amtool('check-config', file)).toContain('SUCCESS');
  });

  it.each([
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

  it('works without receivers', async () => {
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

  it('silences only within an environment', () => {
    for (const { equal } of inhibitions) expect(equal).toContain('environment');
  });

  it('can page for every environment', () => {
    expect(JSON.stringify(alertmanagerConfig({ receivers, quietEnvironments: [] }))).not.toContain(
      'environment!~',
    );
  });
});
