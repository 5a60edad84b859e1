import { events } from '../../contract/log-events.ts';

/** Returns docs/log-events.md from the events of the service. */
export function logEventsPage(): Record<string, string> {
  const rows = Object.entries(events).map(([name, { level, message, fields }]) => {
    const members = Object.keys(fields.properties).map((member) => `\`${member}\``);
    return `| \`${name}\` | ${level} | ${message} | ${members.join(', ') || '–'} |`;
  });
  const text = `# Log events

Generated from \`contract/log-events.ts\` by \`npm run generate\`. The service writes one JSON line per event to
standard output: \`time\`, \`level\`, \`event\`, \`msg\`, \`service\`, \`environment\`, \`instance\`, of a request its \`request_id\`, \`trace_id\` and
\`span_id\`, and the fields below, no others. Users and accounts appear as keyed hashes; no token, password, query string or
case text is ever written.

| Event | Level | Message | Fields |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
  return { 'docs/log-events.md': text };
}
