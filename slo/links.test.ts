import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { boards } from '../dashboards/index.ts';
import { scenarios } from '../test/alerts/scenarios.ts';
import { dashboardUids, panelId } from './alerts/alert.ts';
import { outputs } from './generate.ts';
import { promtool } from './promtool.testing.ts';
import { type AlertingRule, ruleFiles } from './rules.ts';

const folder = new URL('../docs/runbooks/', import.meta.url);
const runbooks = new Map(
  readdirSync(folder)
    .filter((name) => name !== 'README.md')
    .map((name) => [name.replace(/\.md$/, ''), readFileSync(new URL(name, folder), 'utf8')]),
);
const alerts = ruleFiles('prod').flatMap(({ content }) =>
  (parse(content) as { groups: { rules: Partial<AlertingRule>[] }[] }).groups
    .flatMap(({ rules }) => rules)
    .filter((rule): rule is AlertingRule => rule.alert !== undefined),
);
const sections = ['Users notice', 'Recognise it', 'Stop it', 'Causes', 'Test this alert'];
const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  scripts: Record<string, string>;
};

const commands = (text: string): string[] =>
  (/```sh\n([\s\S]*?)```/.exec(text)?.[1] ?? '').trim().split('\n');

describe('every alert leads somewhere, and everything is led to', () => {
  it('alerts and runbooks are the same set', () => {
    expect([...runbooks.keys()].sort()).toEqual([...new Set(alerts.map(({ alert }) => alert))].sort());
  });

  it('alerts link to their runbook and to a panel that exists', () => {
    const panels = new Map(
      boards.map(({ uid, rows }) => [
        uid,
        rows.flatMap(({ panels: some }) => some.map(({ title }) => panelId(title))),
      ]),
    );
    for (const { alert, annotations, labels } of alerts) {
      expect(annotations.runbook_url).toBe(`docs/runbooks/${alert}.md`);
      const url = new URL(annotations.dashboard_url ?? '', 'http://grafana.test');
      const uid = url.pathname.replace('/d/', '');
      expect(panels.get(uid), `${alert} → ${uid}`).toContain(Number(url.searchParams.get('viewPanel')));
      expect(['critical', 'warning', 'none']).toContain(labels.severity);
      expect(annotations.summary?.length).toBeGreaterThan(10);
      expect(annotations.description?.length).toBeGreaterThan(20);
    }
  });

  it('every dashboard but the overview is led to by an alert', () => {
    const led = new Set(
      alerts.map(({ annotations }) => /\/d\/([^?]+)/.exec(annotations.dashboard_url ?? '')?.[1]),
    );
    expect([...Object.values(dashboardUids)].filter((uid) => !led.has(uid))).toEqual([]);
    expect(boards.map(({ uid }) => uid).sort()).toEqual([...Object.values(dashboardUids)].sort());
  });
});

describe('runbooks', () => {
  it.each([...runbooks])('%s has all sections, with content', (name, text) => {
    expect(text.startsWith(`# ${name}\n`)).toBe(true);
    const found = [...text.matchAll(/^## (.+)\n([\s\S]*?)(?=^## |$(?![\s\S]))/gm)].map(([, title, body]) => [
      title,
      body,
    ]);
    expect(found.map(([title]) => title)).toEqual(sections);
    for (const [title, body] of found) expect(body?.trim().length, title).toBeGreaterThan(4);
    expect(commands(text)).toHaveLength(3);
  });

  it('name npm scripts and runbooks that exist', () => {
    for (const [name, text] of runbooks) {
      for (const [, script = ''] of text.matchAll(/npm run ([\w:-]+)/g))
        expect(scripts, `${name}: ${script}`).toHaveProperty(script);
      for (const [, other = ''] of text.matchAll(
        /\b(?:[Ff]ollow|[Ss]ee|[Aa]s|alert) ((?:[A-Z][a-z]+){2,})\b/g,
      ))
        expect([...runbooks.keys()], `${name}: ${other}`).toContain(other);
    }
  });

  it('name scenarios of the suite of alerts that exist, and that wait for their alert', () => {
    const names = scenarios.map(({ name }) => name);
    for (const [alert, text] of runbooks)
      for (const [, only = ''] of text.matchAll(/--project alerts -t (\w+)/g))
        expect(names, alert).toContain(only);
    const arriving = scenarios.flatMap(({ arrives, inhibited }) => [...Object.keys(arrives), ...inhibited]);
    expect(arriving.filter((alert) => !runbooks.has(alert))).toEqual([]);
  });

  it('give commands that can be typed: known programs, components that exist, queries that parse', async () => {
    const components = new Set(
      [
        ...readFileSync(new URL('../infra/network/connections.ts', import.meta.url), 'utf8').matchAll(
          /'?([a-z-]+)'?: \{\s*ports/g,
        ),
      ].map(([, component]) => component),
    );
    const queries: string[] = [];
    for (const [name, text] of runbooks)
      for (const command of commands(text)) {
        expect(command, name).toMatch(
          /^(kubectl -n simple378|promtool query instant http:|amtool |curl |openssl |grep )/,
        );
        const component = /app\.kubernetes\.io\/component=([a-z-]+)/.exec(command)?.[1];
        if (component) expect([...components], `${name}: ${component}`).toContain(component);
        const query = /^promtool query instant \S+ '(.*)'$/.exec(command)?.[1];
        if (query) queries.push(query);
      }
    const content = JSON.stringify({
      groups: [{ name: 'commands', rules: queries.map((expr, index) => ({ record: `c:${index}`, expr })) }],
    });
    expect(queries.length).toBeGreaterThan(50);
    expect(await promtool([{ name: 'c.yml', content }], 'check', 'rules', 'c.yml')).toMatchObject({
      ok: true,
    });
  });

  it('and their index, and the page of objectives, are current', async () => {
    for (const [path, text] of Object.entries(outputs()))
      await expect(text).toMatchFileSnapshot(`../${path}`);
  });
});
