import { expect, test } from 'vitest';
import type { StackFile } from '../../infra/local/stack-file.ts';
import { findTarget } from './target.ts';

const stack: StackFile = {
  version: 1,
  pid: 1,
  edge: 'https://localhost:1',
  replicas: ['https://localhost:1', 'https://localhost:2'],
  plain: 'http://localhost:3',
  internal: ['https://localhost:4', 'https://localhost:5'],
  prometheus: null,
  alertmanager: null,
  grafana: null,
  redis: { url: 'rediss://localhost:6', ca: '/ca', users: {} },
  ca: '/ca',
  users: '/users',
  policies: '/policies.json',
};

test('the local stack, with the limits it was started with', () => {
  expect(findTarget({}, stack)).toEqual({
    urls: stack.replicas,
    internal: stack.internal,
    ca: '/ca',
    internalCa: '/ca',
    users: '/users',
    policies: '/policies.json',
  });
  expect(findTarget({ policies: '/other.json', internal: [] }, stack)).toMatchObject({
    policies: '/other.json',
    internal: [],
  });
});

test('a target of its own knows nothing of the local stack', () => {
  expect(findTarget({ target: ['https://a.example/'], users: '/u' }, stack)).toEqual({
    urls: ['https://a.example'],
    internal: [],
    ca: null,
    internalCa: null,
    users: '/u',
    policies: null,
  });
});

test('what is missing is said', () => {
  expect(() => findTarget({ target: ['https://a.example'] }, stack)).toThrow('--users');
  expect(() => findTarget({}, null)).toThrow('npm start');
});
