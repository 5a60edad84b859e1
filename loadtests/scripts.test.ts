import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { scripts } from './scenarios/run-file.ts';

// k6 is not to be had in a test, so the scripts are read as text.
test.each(scripts)(
  '%s: every function that k6 runs counts its exceptions, and the options ask for none',
  (name) => {
    const source = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8');
    const exported = [...source.matchAll(/^export (?!\{)(.*)$/gm)].map(([, rest]) => rest ?? '');
    const known =
      /^(function (setup|handleSummary)\(|const options = (judged|withinLimits)\(|(const \w+ =|default) (iteration|atWork)\()/;
    expect(exported.filter((rest) => !known.test(rest))).toEqual([]);
    expect(exported.filter((rest) => rest.startsWith('const options'))).toHaveLength(1);
    expect(exported.some((rest) => /(iteration|atWork)\(/.test(rest))).toBe(true);
  },
);
