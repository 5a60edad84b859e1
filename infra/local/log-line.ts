/** Formats a log line for the terminal: JSON events as time, level, message and fields, other lines as they are. */
export function formatLine(component: string, text: string): string {
  const label = component.padEnd(12);
  if (!text.startsWith('{')) return `${label} ${text}`;
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(text);
  } catch {
    return `${label} ${text}`;
  }
  const { time, level, msg, service, environment, instance, trace_id, span_id, ...rest } = event;
  const clock = typeof time === 'string' ? time.slice(11, 23) : '';
  const members = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
  return `${label} ${clock} ${String(level).padEnd(5)} ${String(msg ?? '')}  ${members.join(' ')}`.trimEnd();
}
