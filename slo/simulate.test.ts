import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { parseCurve, type SimulationOptions, simulateBurnRate } from './simulate.ts';

const directory = mkdtempSync(join(tmpdir(), 'slo-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'plot.svg');

const run = (options: Partial<SimulationOptions>) =>
  simulateBurnRate({ objective: 'api-availability', minutes: 120, rate: 10, plot: file, ...options });

it('reports when alerts fire, and draws the burn rates', () => {
  const text = run({ ratio: 1, minutes: 60 });
  expect(text).toContain('ApiAvailabilityBudgetBurn');
  expect(text).toMatch(/14\.4 × +1h\/5m +1\.44 % +critical +365 min +5 min/);
  expect(readFileSync(file, 'utf8')).toContain('critical fires at 365');
});

it('reads a curve of segments', () => {
  const text = run({ objective: 'login', curve: '60:0,30:0.5:2,30:0' });
  expect(text).toContain('Curve: 60 min at 0 %, 30 min at 50 %, 30 min at 0 %');
  expect(parseCurve('5:0.1', 3)).toEqual([{ minutes: 5, errorRatio: 0.1, eventsPerSecond: 3 }]);
});

it.each([
  ['5', 'must be minutes:ratio'],
  ['5:2', 'a ratio from 0 to 1'],
])('refuses the curve %s', (curve, message) => {
  expect(() => run({ curve })).toThrow(message);
});
