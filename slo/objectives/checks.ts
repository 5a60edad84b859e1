import { catalogue } from '../../contract/metrics.ts';
import { burnsOf } from './burn-rates.ts';
import { budget, type Objective } from './objectives.ts';

/** Problems of a list of objectives, in words; empty when it is sound. */
export function problems(list: readonly Objective[], retentionDays = Number.POSITIVE_INFINITY): string[] {
  const ids = list.map(({ id }) => id);
  return list.flatMap((one, index) => {
    const buckets: readonly number[] =
      one.indicator.kind === 'latency' ? catalogue[one.indicator.metric].buckets : [];
    const fastest = Math.max(...burnsOf(one).map(({ factor }) => factor));
    const wrong: readonly (readonly [boolean, string])[] = [
      [!/^[a-z][a-z0-9-]*$/.test(one.id), 'the id must be lower-case letters, digits and -'],
      [ids.indexOf(one.id) !== index, 'the id is taken; give it another'],
      [
        !(one.target > 0 && one.target < 1),
        `a target of ${one.target} leaves no budget; choose one above 0 and below 1`,
      ],
      [
        fastest * budget(one) >= 1,
        `burning ${fastest} times as fast as allowed is more than all requests; raise the target or make it a ticket`,
      ],
      [
        one.windowDays > retentionDays,
        `a window of ${one.windowDays} days is longer than the ${retentionDays} that Prometheus keeps`,
      ],
      [
        one.indicator.kind === 'latency' && !buckets.includes(one.indicator.withinSeconds),
        `no bucket of ${one.indicator.metric} ends at the bound; choose one of ${buckets.join(', ')}`,
      ],
    ];
    return wrong.flatMap(([is, problem]) => (is ? [`objective ${one.id}: ${problem}`] : []));
  });
}

/** The list itself. @throws Error that names all problems */
export function checked<T extends readonly Objective[]>(list: T, retentionDays?: number): T {
  const found = problems(list, retentionDays);
  if (found.length > 0) throw new Error(found.join('\n'));
  return list;
}
