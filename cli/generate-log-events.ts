import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { events } from '../app/telemetry/events.ts';

const file = fileURLToPath(new URL('../docs/log-events.md', import.meta.url));
const help = `Usage: npm run generate [-- --check]

Writes docs/log-events.md from the events of the service.

  --check  write nothing; exit 1 when the file is not what the events say
  --help   show this
`;

try {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } });
  if (values.help) process.stdout.write(help);
  else if (!values.check) writeFileSync(file, text());
  else if (readFileSync(file, 'utf8') !== text()) {
    process.stderr.write('docs/log-events.md is not what the events say: run npm run generate\n');
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}

function text(): string {
  const rows = Object.entries(events).map(([name, { level, message, fields }]) => {
    const members = Object.keys(fields.properties).map((member) => `\`${member}\``);
    return `| \`${name}\` | ${level} | ${message} | ${members.join(', ') || '–'} |`;
  });
  return `# Log events

Generated from \`app/telemetry/events.ts\` by \`npm run generate\`. The service writes one JSON line per event to
standard output: \`time\`, \`level\`, \`event\`, \`msg\`, \`service\`, \`environment\`, \`instance\`, of a request its \`request_id\`, \`trace_id\` and
\`span_id\`, and the fields below, no others. Users and accounts appear as keyed hashes; no token, password, query string or
case text is ever written.

| Event | Level | Says | Fields |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
