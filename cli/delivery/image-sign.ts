import { isPinned } from '../../infra/settings/images.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { setOutput } from '../lib/job.ts';
import { runProgram } from './program.ts';

const usage = `npm run image:sign -- <reference with digest>

Signs an image by cosign without a key: a GitHub job signs as its workflow, a person as whom the browser says. In a job the
reference is the step's output "reference", for those who wait for a signed image.

Exit: 0 signed, 1 cosign could not, 2 wrong usage, or cosign is not installed.`;

await command('image:sign', usage, ([reference = '', ...rest]) => {
  if (!isPinned(reference) || rest.length > 0)
    throw new CouldNotCheck(`${reference || 'nothing'}: name one reference with a digest`);
  const code = runProgram('cosign', ['sign', '--yes', reference]);
  if (code === 0) setOutput('reference', reference);
  return code;
});
