import { json, junit, type Summary, text } from '../scenarios/report.ts';
import { run } from './run.ts';

/** k6's hook at the end of a test: text on the terminal, JSON and JUnit as files. */
export function handleSummary(data: Summary): Record<string, string> {
  return {
    stdout: `\n${text(run.script, data)}`,
    [`${run.reports}/${run.script}.json`]: json(data),
    [`${run.reports}/${run.script}.xml`]: junit(run.script, data),
  };
}
