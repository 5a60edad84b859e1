import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openApiText } from '../app/openapi.ts';

const file = fileURLToPath(new URL('../app/openapi.json', import.meta.url));
const help = `Usage: node cli/generate-openapi.ts [--check]

Writes app/openapi.json from the routes of the service.

  --check  write nothing; exit 1 when the file is not what the routes say
  --help   show this
`;

try {
  const { values } = parseArgs({ options: { check: { type: 'boolean' }, help: { type: 'boolean' } } });
  const text = await openApiText();
  if (values.help) process.stdout.write(help);
  else if (!values.check) writeFileSync(file, text);
  else if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write('app/openapi.json is not what the routes say: run node cli/generate-openapi.ts\n');
    process.exitCode = 1;
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n\n${help}`);
  process.exitCode = 2;
}
