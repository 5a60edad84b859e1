import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { generator } from './command.ts';
import { main, parseCurve } from './simulate.ts';

const directory = mkdtempSync(join(tmpdir(), 'slo-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'plot.svg');

const run = async (...args: string[]) => {
  const lines: string[] = [];
  const code = await main({ args, print: (line) => lines.push(line) });
  return { code, text: lines.join('\n') };
};

describe('slo:simulate', () => {
  it('says when alerts fire, and draws it', async () => {
    const { code, text } = await run('--ratio', '1', '--minutes', '60', '--plot', file);
    expect(code).toBe(0);
    expect(text).toContain('ApiAvailabilityBudgetBurn');
    expect(text).toMatch(/14\.4 × +1h\/5m +1\.44 % +critical +365 min +5 min/);
    expect(readFileSync(file, 'utf8')).toContain('critical fires at 365');
  });

  it('takes a curve of segments', async () => {
    const { code, text } = await run('--objective', 'login', '--curve', '60:0,30:0.5:2,30:0', '--plot', file);
    expect(code).toBe(0);
    expect(text).toContain('Curve: 60 min at 0 %, 30 min at 50 %, 30 min at 0 %');
    expect(parseCurve('5:0.1', 3)).toEqual([{ minutes: 5, errorRatio: 0.1, eventsPerSecond: 3 }]);
  });

  it.each([
    [['--objective', 'uptime'], 'must be one of api-availability'],
    [['--ratio', 'much'], '--ratio is "much", must be a number'],
    [['--curve', '5'], 'must be minutes:ratio'],
    [['--curve', '5:2'], 'a ratio from 0 to 1'],
    [['--speed', '9'], "Unknown option '--speed'"],
  ])('refuses %s', async (args, message) => {
    expect(await run(...args, '--plot', file)).toMatchObject({
      code: 2,
      text: expect.stringContaining(message),
    });
  });

  it('explains itself', async () => {
    expect(await run('--help')).toMatchObject({ code: 0, text: expect.stringContaining('--curve LIST') });
  });
});

describe('a generator', () => {
  const path = join(directory, 'page.md');
  const generate = async (...args: string[]) => {
    const lines: string[] = [];
    const outputs = () => [{ file: pathToFileURL(path), path: 'page.md', text: 'new\n' }];
    const code = await generator(
      { args, print: (line) => lines.push(line) },
      'generate:test',
      'Tests.',
      outputs,
    );
    return { code, text: lines.join('\n') };
  };

  it('says what is stale, writes it, and then is content', async () => {
    expect(await generate('--check')).toEqual({
      code: 1,
      text: 'page.md is not current: npm run generate',
    });
    expect(await generate()).toEqual({ code: 0, text: 'wrote page.md' });
    expect(await generate('--check')).toEqual({ code: 0, text: '' });
    writeFileSync(path, 'old\n');
    expect((await generate('--check')).code).toBe(1);
  });
});
