/** An answer, as far as the main job looks at it. */
interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Sends one request of the owner of the case, or of another caseworker. */
export type Send = (
  who: 'owner' | 'other',
  method: string,
  path: string,
  body?: object,
  headers?: Readonly<Record<string, string>>,
) => Promise<Answered>;

/**
 * What users come for, once, as a caseworker does it: five requests of the personal quota, and what is limited on its own.
 * @param send over replicas in turn where there are several, so that each step meets what another one wrote
 * @returns what was done, in words
 * @throws Error with the step and the answer that was wrong
 */
export async function mainJob(send: Send): Promise<string> {
  const step = async (what: string, wanted: number, ...request: Parameters<Send>): Promise<Answered> => {
    const answer = await send(...request);
    if (answer.status !== wanted)
      throw new Error(`${what}: status ${answer.status}, expected ${wanted}: ${answer.text.slice(0, 200)}`);
    return answer;
  };
  const created = await step('create', 201, 'owner', 'POST', '/api/v1/cases', {
    title: 'The main job',
    description: 'made by a test, and deleted again',
  });
  const at = String(created.headers.location);
  for (const time of ['first', 'second']) await step(`${time} read`, 200, 'owner', 'GET', at);
  await step("another user's case must not be found", 404, 'other', 'GET', at);
  await step('change', 200, 'owner', 'PATCH', at, { status: 'closed' }, { 'if-match': '"1"' });
  await step('sync', 200, 'owner', 'POST', '/api/v1/sync', { operations: [], remaining: 3 });
  await step('search', 200, 'owner', 'POST', '/api/v1/cases/search', { text: 'main' });
  await step('export', 200, 'owner', 'GET', '/api/v1/cases/export');
  await step('delete', 204, 'owner', 'DELETE', at);
  return 'create, read, change, sync, search, export, delete; 404 for others';
}
