import exec from 'k6/execution';
import { Counter } from 'k6/metrics';
import {
  type CaseOperation,
  type OwnCase,
  offlineCaseId,
  type Request,
  requests,
} from '../scenarios/requests.ts';
import { operationAt } from '../scenarios/traffic.ts';
import { type Answer, send } from './client.ts';
import { run } from './run.ts';
import { kept, type Session } from './session.ts';

/** Answers that are neither success nor 429 nor 5xx: the service and this script understand a route differently. */
export const unexpected = new Counter('unexpected_answers');

/** A user with more cases than this deletes one: search and export read all of them. */
const mostOwned = 40;
let session: Session | undefined;
let made = 0;
let told = false;
const owned: OwnCase[] = [];

/**
 * One request of a user at work. A virtual user stays one account; its session begins at its first request.
 * @param users how many accounts the virtual users of all scenarios share
 * @param begin the session of the n-th of them
 * @param sharing how many virtual users are one account
 */
export function work(users: number, begin: (user: number) => Session, sharing = 1): void {
  const self = (exec.vu.idInTest - 1) % users;
  session = session === undefined ? begin(self) : kept(session);
  const n = exec.vu.iterationInScenario * users + self;
  const wanted = owned.length > mostOwned / sharing ? 'delete' : operationAt(n);
  const operation = owned.length === 0 && ['read', 'update', 'delete'].includes(wanted) ? 'create' : wanted;
  const request = build(operation, n);
  const answer = send(request, { token: session.accessToken });
  if (answer.status === request.success) remember(operation, answer);
  else if (answer.status !== 429 && answer.status < 500 && answer.status > 0) {
    unexpected.add(1, { operation, status: String(answer.status) });
    // Virtual users who share an account race each other: two at one case, or two synchronisations.
    if (!told && sharing === 1) console.warn(`${operation} answered ${answer.status}: ${answer.body}`);
    told = true;
  }
}

function build(operation: CaseOperation, n: number): Request {
  const title = `Case ${run.seed}-${exec.vu.idInTest}-${made++}`;
  const last = owned.at(-1) as OwnCase;
  switch (operation) {
    case 'create':
      return requests.create(title);
    case 'read':
      return requests.read(owned[n % owned.length] as OwnCase);
    case 'update':
      return requests.update(last, title);
    case 'delete':
      return requests.delete(last);
    case 'search':
      return requests.search('case');
    case 'export':
      return requests.export();
    case 'sync':
      return sync(title);
    default:
      return requests.list();
  }
}

function sync(title: string): Request {
  const id = offlineCaseId(run.seed, exec.vu.idInTest, made);
  return requests.sync(id, id, title);
}

function remember(operation: CaseOperation, answer: Answer): void {
  if (operation === 'create') owned.push(answer.json() as unknown as OwnCase);
  if (operation === 'update') owned[owned.length - 1] = answer.json() as unknown as OwnCase;
  if (operation === 'delete') owned.pop();
}
