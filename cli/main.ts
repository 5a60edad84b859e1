import { run } from './frame/run.ts';
import { program } from './program.ts';

process.exitCode = await run(program(), process.argv.slice(2));
