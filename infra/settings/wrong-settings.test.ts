import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { problems } from '../../test/support/environment-settings.ts';

interface Row {
  readonly in: string;
  readonly set: Readonly<Record<string, unknown>>;
  readonly says: readonly string[];
}

const table = parse(readFileSync(new URL('./wrong-settings.yaml', import.meta.url), 'utf8')) as Row[];
const rows = table.map((row): [string, Row] => [`${row.in} with ${JSON.stringify(row.set)}`, row]);

test.each(rows)('%s is refused with key, value and remedy', (_, row) => {
  const changes = Object.fromEntries(
    Object.entries(row.set).map(([key, value]) => [key, value ?? undefined]),
  );
  expect([...problems(row.in, changes)].sort()).toEqual([...row.says].sort());
});

test('limits above what the load test carried are refused, and more replicas carry more', () => {
  const limits = (quota: number, mode = 'enforce') => ({
    limits: [
      { name: 'global', quota, mode },
      { name: 'anonymous', quota: 60 },
    ],
  });
  const [two, four] = [2, 4].map((replicas) =>
    mostOf(measured('dev', { ...limits(90_000_000), 'app.replicas': replicas })),
  );
  expect(measured('dev', limits(90_000_000))).toEqual([
    `limits: global admits 90000000 and anonymous 60 in 60 s, more than 2 replicas carried in the load test; at most ${two} together, or more replicas`,
  ]);
  expect(four).toBe(Number(two) * 2);
  expect(measured('dev', limits(Number(two) - 60))).toEqual([]);
  expect(measured('dev', limits(Number(two) - 59))).toHaveLength(1);
  expect(measured('dev', limits(Number(two) - 60, 'shadow'))).toEqual([
    `limits: global admits anything, its mode being shadow, more than 2 replicas carried in the load test; mode enforce and at most ${two}`,
  ]);
});

const measured = (environment: string, changes: Record<string, unknown>) =>
  problems(environment, changes, { measured: true });
const mostOf = ([text]: readonly string[]): number => Number(/at most (\d+)/.exec(text ?? '')?.[1]);
