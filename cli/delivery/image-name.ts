import { CouldNotCheck, command, noArguments } from '../lib/command.ts';
import { setOutput } from '../lib/job.ts';

const usage = `npm run image:name

Prints the name of the service's image in the registry of GITHUB_REPOSITORY, OWNER/NAME; in a GitHub job it is the step's
output "name", too. Registries take small letters only, whatever the owner is called.

Exit: 0 printed, 2 no repository.`;

await command('image:name', usage, (args) => {
  noArguments(args);
  const repository = process.env.GITHUB_REPOSITORY;
  if (!repository) throw new CouldNotCheck('GITHUB_REPOSITORY is not set: OWNER/NAME');
  const name = `ghcr.io/${repository.toLowerCase()}/case-service`;
  console.log(name);
  setOutput('name', name);
  return 0;
});
