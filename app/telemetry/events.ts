import type { FastifyBaseLogger } from 'fastify';
import type { Static } from 'typebox';
import { type EventName, eventLimits, events, type Level } from '../../contract/log-events.ts';
import type { EventSampler } from './per-second.ts';

/** The member of a logger, inherited by its children, that samples events. */
export const sampler = Symbol('event sampler');

/**
 * Writes an event with exactly its fields, unless more of it were written this second than {@link eventLimits} allows.
 * @param sampledAs a key of the limits other than the event's name
 */
export function emit<N extends EventName>(
  log: Pick<FastifyBaseLogger, Level>,
  event: N,
  fields: Static<(typeof events)[N]['fields']>,
  sampledAs: string = event,
): void {
  const { [sampler]: sampling } = log as { [sampler]?: EventSampler };
  if (sampling?.take(sampledAs) === false) return;
  const { level, message } = events[event];
  log[level]({ event, ...(fields as object) }, message);
}
