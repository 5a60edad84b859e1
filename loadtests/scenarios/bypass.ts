import type { Request } from './requests.ts';
import { requests } from './requests.ts';

/** A way by which someone over the limit might try to be served all the same. */
export interface Attempt {
  readonly name: string;
  readonly request: Request;
  readonly headers?: Readonly<Record<string, string>>;
}

const list = requests.list();
const at = (path: string): Request => ({ ...list, path });

/** None of these may succeed for a user who used up `default`. */
export const attempts: readonly Attempt[] = [
  { name: 'the same again', request: list },
  { name: 'trailing slash', request: at('/api/v1/cases/') },
  { name: 'double slash', request: at('//api//v1//cases') },
  { name: 'upper case', request: at('/API/V1/CASES') },
  { name: 'percent-encoded letter', request: at('/api/v1/%63ases') },
  { name: 'query', request: at('/api/v1/cases?limit=1') },
  { name: 'dot segment', request: at('/api/v1/../v1/cases') },
  { name: 'HEAD', request: { ...list, method: 'HEAD' } },
  { name: 'another operation', request: requests.create('Over the limit') },
  { name: 'another replica', request: list },
  { name: 'forwarded address', request: list, headers: { 'x-forwarded-for': '203.0.113.7' } },
  { name: 'Forwarded', request: list, headers: { forwarded: 'for=203.0.113.8' } },
  { name: 'real address', request: list, headers: { 'x-real-ip': '203.0.113.9' } },
  { name: 'another user by header', request: list, headers: { 'x-user-id': 'someone-else' } },
  { name: 'method override', request: list, headers: { 'x-http-method-override': 'POST' } },
];
