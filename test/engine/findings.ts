import { type EvaluateOptions, evaluate as register } from '../../infra/evaluate.ts';
import { evaluate as judge } from '../../policies/engine/evaluate.ts';
import { environmentConfig, environmentOf } from '../../policies/environments.ts';
import { rules } from '../../policies/rules/index.ts';
import { waivers } from '../../policies/waivers.ts';

/** The part of an engine event that this program reads; `--json` streams one a line. */
interface EngineEvent {
  readonly policyEvent?: {
    readonly resourceUrn?: string;
    readonly message: string;
    readonly policyName: string;
    readonly enforcementLevel: string;
  };
}

/** What the pack reported under the engine, a sorted line each: level, rule, resource, words. */
export function engineFindings(events: string): string[] {
  return events
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .flatMap((line) => (JSON.parse(line) as EngineEvent).policyEvent ?? [])
    .map((event) =>
      // The description comes first, on a line of its own.
      line(
        event.enforcementLevel,
        event.policyName,
        event.resourceUrn,
        event.message.split('\n').slice(1).join('\n'),
      ),
    )
    .sort();
}

/**
 * What `npm run policies` finds for the same program, in the same form.
 * @param stack its name says which environment's rules hold
 * @param options settings and secrets that differ, and whether generated values are still unknown
 */
export async function programFindings(
  stack: string,
  environment: string,
  options: EvaluateOptions,
): Promise<string[]> {
  const { resources } = await register(environment, options);
  const judged = environmentOf(stack);
  return judge(resources, { environment: judged, rules, config: environmentConfig[judged], waivers })
    .filter(({ waiver }) => waiver === null)
    .map(({ level, rule, urn, message }) => line(level, rule, urn ?? undefined, message))
    .sort();
}

/** A URN without the stack's name, in which the two differ; the engine puts what is about the stack on its root. */
function line(level: string, rule: string, urn: string | undefined, message: string): string {
  const resource = urn?.split('::').slice(2).join('::') ?? '';
  const about = resource === '' || resource.startsWith('pulumi:pulumi:Stack') ? 'stack' : resource;
  return `${level} ${rule} ${about}: ${message.trim()}`;
}
