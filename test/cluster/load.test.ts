import { expect, test, vi } from 'vitest';
import type { Answer, Client } from '../../infra/cluster/client.ts';
import { longestOutage, startLoad } from './load.ts';

const client: Client = { call: () => Promise.reject(new Error('not used')), close: () => undefined };
const answer = (status: number, body: string): Answer => ({ status, headers: {}, body });

test('a wrong answer without a body counts as one', async () => {
  let sent = 0;
  const load = startLoad(client, 200, async () => {
    sent += 1;
    return sent === 2 || sent === 4 ? answer(503, '') : answer(200, 'fine');
  });
  await vi.waitFor(() => expect(sent).toBeGreaterThan(5));
  const { answers, disturbed } = await load.stop();
  expect(answers.filter(({ wrong }) => wrong)).toMatchObject([{ status: 503 }, { status: 503 }]);
  expect(disturbed).toBeGreaterThan(0);
});

test.each([
  ['none wrong', '....', 0],
  ['one wrong: until the next right one', '.x..', 100],
  ['the longer of two', '.x.xxx.', 300],
  ['one that has not ended counts as far as it was seen', '..xxx', 200],
  ['only one answer', 'x', 0],
])('longest outage: %s', (_, seen, milliseconds) => {
  const answers = [...seen].map((letter, index) => ({
    at: 1_000 + index * 100,
    status: letter === 'x' ? 503 : 200,
    body: '',
    wrong: letter === 'x',
  }));
  // Answers come in any order.
  expect(longestOutage({ answers: answers.reverse() })).toBe(milliseconds);
});
