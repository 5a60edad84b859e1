import { afterEach, expect, test, vi } from 'vitest';
import { CouldNotCheck, command, noArguments } from './command.ts';

const { argv, exitCode } = process;
afterEach(() => {
  process.argv = argv;
  process.exitCode = exitCode;
  vi.restoreAllMocks();
});

async function run(args: readonly string[], body: Parameters<typeof command>[2]) {
  const said: string[] = [];
  for (const how of ['log', 'error'] as const)
    vi.spyOn(console, how).mockImplementation((text) => void said.push(String(text)));
  process.argv = ['node', 'x.ts', ...args];
  process.exitCode = undefined;
  await command('x', 'how to use x', body);
  return { code: process.exitCode, said: said.join('\n') };
}

test.each(['--help', '-h'])('%s prints the usage and does nothing', async (flag) => {
  expect(await run([flag], () => 1)).toEqual({ code: undefined, said: 'how to use x' });
});

test('the exit code is the body’s; what it throws is one line and exit 2', async () => {
  expect((await run(['a'], (args) => args.length)).code).toBe(1);
  expect(await run([], () => Promise.reject(new CouldNotCheck('nothing there')))).toEqual({
    code: 2,
    said: 'x: nothing there',
  });
  const odd = () => {
    throw 'a word';
  };
  expect((await run([], odd)).said).toBe('x: a word');
});

test('a command without options refuses them', () => {
  expect(() => noArguments([])).not.toThrow();
  expect(() => noArguments(['--fast'])).toThrow('--fast: it takes no options');
});
