import { expect, test, vi } from 'vitest';
import { run } from './frame/run.ts';
import { conclude, junit, outcomeOf, verdictLine } from './frame/verdict.ts';
import { program } from './program.ts';

/** Runs a command line in this process, with its output captured. */
async function simple378(...args: string[]) {
  const captured = { out: '', errors: '' };
  const into = (key: 'out' | 'errors') => (text: unknown) => {
    captured[key] += String(text);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(into('out'));
  vi.spyOn(process.stderr, 'write').mockImplementation(into('errors'));
  vi.spyOn(console, 'log').mockImplementation((text) => void into('out')(`${text}\n`));
  vi.spyOn(console, 'error').mockImplementation((text) => void into('errors')(`${text}\n`));
  const code = await run(program(), args);
  vi.restoreAllMocks();
  process.exitCode = undefined;
  return { code, ...captured };
}

test.each([
  ['stak start', "simple378: unknown command 'stak'; did you mean stack?"],
  ['stack strat', "simple378 stack: unknown command 'strat'; did you mean start?"],
  ['bench:limiter', "simple378: unknown command 'bench:limiter'"],
  ['stack', 'simple378: stack needs one of its commands: start, stop, status'],
  ['env', 'simple378: env needs one of its commands: render, up, kind'],
  ['stack start --smke', "simple378 stack start: unknown option '--smke'; did you mean --smoke?"],
  ['stack start --port-offset', "simple378 stack start: option '--port-offset <n>' argument missing"],
  ['stack start --port-offset many', 'It must be a whole number, 0 to 50000.'],
  ['stack start --policies nowhere.json', 'nowhere.json'],
  ['stack status now', 'simple378 stack status: too many arguments'],
  ['stack preview --minutes 1', 'It must be a whole number, 5 to 43200.'],
  ['env up', "simple378 env up: missing required argument 'environment'"],
  ['env up production', 'there is no Pulumi.production.yaml'],
  ['env render prd', 'there is no Pulumi.prd.yaml'],
  ['env render dev --set app.replicas', 'It must be KEY=VALUE, such as redis.mode=sentinel.'],
  ['env render dev --reveal-secrets', '--reveal-secrets and --set need --out DIR'],
  ['env carry-keys dev', "simple378 env carry-keys: missing required argument 'to'"],
  ['env release staging', 'add exactly one of --remember, --runs, --image and --rollback'],
  ['env gate staging uptime', 'Allowed choices are security-verify, error-budgets, limits'],
  ['verify load', "simple378 verify load: missing required argument 'script'"],
  ['verify load limit', 'Allowed choices are limits, burst, attack, mixed, soak, spike, breakpoint.'],
  ['verify load soak --seconds 0', 'It must be a whole number, 1 to 999999.'],
  ['verify error-budgets --for ever', 'It must be a number and a unit, such as 90s, 30m, 24h or 7d.'],
  ['bench burn-rate --objective uptime', 'Allowed choices are api-availability'],
  ['bench burn-rate --ratio much', 'It must be a number above 0.'],
  ['generate --chek', "simple378 generate: unknown option '--chek'; did you mean --check?"],
])('%s ends with 2 and one line', async (line, message) => {
  const { code, out, errors } = await simple378(...line.split(' '));
  expect([code === 78 ? 2 : code, out]).toEqual([2, '']);
  expect(errors).toContain(message);
  if (!line.includes('--policies')) expect(errors.trimEnd().split('\n')).toHaveLength(1);
  expect(errors).not.toMatch(/ at .*\.ts:\d+/);
});

test('bad settings end with 78', async () => {
  const { code, errors } = await simple378(
    'env',
    'render',
    'dev',
    '--set',
    'app.replicas=0',
    '--out',
    '/tmp/x',
  );
  expect(code).toBe(78);
  expect(errors).toContain('app.replicas');
});

test('the help names every group, and help of a command its options', async () => {
  const { code, out } = await simple378();
  expect(code).toBe(0);
  for (const group of ['stack', 'env', 'verify', 'bench', 'generate', 'doctor'])
    expect(out).toContain(`  ${group} `);
  expect((await simple378('help', 'env')).out).toContain('probe-network');
  expect((await simple378('env', 'render', '--help')).out).toContain('--reveal-secrets');
});

test('verdicts become lines, JUnit and an exit code', () => {
  expect(verdictLine({ name: 'a', outcome: 'holds', detail: 'seen', seconds: 1.23 })).toBe(
    '✓ a: seen (1.2 s)',
  );
  expect(verdictLine({ name: 'a', outcome: 'fails', detail: 'one\ntwo' })).toBe('✗ a\n    one\n    two');
  expect([0, 1, 2, 78, null].map((code) => outcomeOf(code))).toEqual([
    'holds',
    'fails',
    'could not check',
    'fails',
    'fails',
  ]);
  expect(outcomeOf(2, true)).toBe('skipped');
  expect(conclude('x', [{ name: 'a', outcome: 'skipped' }])).toBe(0);
  expect(conclude('x', [{ name: 'a', outcome: 'could not check' }])).toBe(2);
  const verdicts = [
    { name: 'a', outcome: 'could not check' },
    { name: 'b<', outcome: 'fails', detail: '"\u0000' },
  ] as const;
  expect(conclude('x', verdicts)).toBe(1);
  expect(junit('x', verdicts)).toContain('tests="2" failures="1" errors="1" skipped="0"');
  expect(junit('x', verdicts)).toContain('name="b&lt;" time="0.000">\n    <failure message="&quot;?"/>');
});
