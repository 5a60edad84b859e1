import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { catalogue } from '../../contract/metrics.ts';
import { type Request, requests, tagsOf } from './requests.ts';

const own = { id: 'AAAAAAAAAAAAAAAAAAAAAA', version: 1 };
const all: readonly Request[] = [
  requests.login('a@x.test', 'p'),
  requests.refresh('r'),
  requests.keys(),
  requests.create('t'),
  requests.list(),
  requests.read(own),
  requests.update(own, 't'),
  requests.delete(own),
  requests.search('t'),
  requests.export(),
  requests.sync(own.id, own.id, 't'),
];
const { paths } = JSON.parse(readFileSync(new URL('../../app/openapi.json', import.meta.url), 'utf8')) as {
  paths: Record<string, Record<string, { responses: object }>>;
};

test('every request is listed here', () => {
  expect(all).toHaveLength(Object.keys(requests).length);
});

test.each(all)('$method $path: the service has its route, with that success', (request) => {
  // OpenAPI writes {id} where the route, and so the label, has :id.
  const template = request.route.replaceAll(/:(\w+)/g, '{$1}');
  expect(paths[template]?.[request.method.toLowerCase()]?.responses).toHaveProperty(String(request.success));
  expect(request.path).toMatch(new RegExp(`^${request.route.replaceAll(/:\w+/g, '[^/]+')}$`));
});

test.each(all)('$method $path: its tags are labels of the catalogue', (request) => {
  const labels = Object.values(catalogue).flatMap((metric) => Object.entries(metric.labels));
  for (const [tag, value] of Object.entries(tagsOf(request))) {
    const domains = labels.filter(([label]) => label === tag).map(([, domain]) => domain);
    expect(domains).not.toEqual([]);
    for (const domain of domains) if (Array.isArray(domain)) expect(domain).toContain(value);
  }
});
