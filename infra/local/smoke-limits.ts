import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer } from './http.ts';
import { readPoliciesFile } from './policies-file.ts';
import { expect, type SmokeClient, type SmokeStep } from './smoke-client.ts';

const path = '/api/v1/cases';

/** Steps that spend one user's quota exactly, over both replicas. The last one waits until the window has passed. */
export function limitSteps({ stack, users, request }: SmokeClient): {
  spend: SmokeStep[];
  wait: SmokeStep[];
} {
  const { limited, second } = users;
  const quota = quotaOf(stack.policies, limited.role);
  let denied: Answer | undefined;
  const spend: SmokeStep[] = [
    [
      `${quota} requests over both replicas pass, with truthful headers`,
      async () => {
        await untilUnused(quota, () => request(limited, 0, path));
        for (let i = 1; i < quota; i++) {
          const { status, headers } = await request(limited, i, path);
          const [limit, remaining] = [headers['x-ratelimit-limit'], headers['x-ratelimit-remaining']];
          expect(status === 200, `request ${i + 1}: status ${status}`);
          expect(limit === String(quota), `request ${i + 1}: limit ${limit}`);
          expect(remaining === String(quota - 1 - i), `request ${i + 1}: remaining ${remaining}`);
        }
        return `remaining ${quota - 1} down to 0`;
      },
    ],
    [
      `request ${quota + 1} is refused on both replicas`,
      async () => {
        for (const i of [0, 1]) {
          denied = await request(limited, i, path);
          const { status, headers } = denied;
          expect(status === 429, `replica ${i + 1}: status ${status}`);
          expect(Number(headers['retry-after']) >= 1, `retry-after ${headers['retry-after']}`);
          const type = String(headers['content-type']);
          expect(type.startsWith('application/problem+json'), 'no problem document');
        }
        return `429, Retry-After ${denied?.headers['retry-after']} s`;
      },
    ],
    [
      'another user is not affected',
      async () => {
        const { status } = await request(second, 0, path);
        expect(status === 200, `status ${status}`);
        return '200';
      },
    ],
  ];
  const wait: SmokeStep[] = [
    [
      'waiting for Retry-After is enough',
      async () => {
        const retryAfter = Number(denied?.headers['retry-after']);
        const reset = Number(denied?.headers['x-ratelimit-reset']) * 1_000;
        await sleep(Math.min(Math.max(0, reset - Date.now()) + 50, retryAfter * 1_000));
        const { status } = await request(limited, 1, path);
        expect(status === 200, `status ${status} after waiting`);
        return '200';
      },
    ],
  ];
  return { spend, wait };
}

/** Returns the quota of a role for ordinary requests in one window. */
function quotaOf(policies: string | null, role: string): number {
  const policy = readPoliciesFile(policies).find(({ name }) => name === 'default');
  if (policy === undefined) throw new Error('there is no policy named default');
  return policy.roles?.[role] ?? policy.quota;
}

/** Sends a request until it is the first of its window, because an earlier run may have used some of it. */
async function untilUnused(quota: number, send: () => Promise<Answer>): Promise<void> {
  for (;;) {
    const { headers } = await send();
    if (headers['x-ratelimit-remaining'] === String(quota - 1)) return;
    await sleep(Math.max(0, Number(headers['x-ratelimit-reset']) * 1_000 - Date.now()) + 50);
  }
}
