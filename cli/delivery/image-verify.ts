import { parseArgs } from 'node:util';
import { isPinned } from '../../infra/settings/images.ts';
import { CouldNotCheck, command } from '../lib/command.ts';
import { runProgram } from './program.ts';

const usage = `npm run image:verify -- <reference with digest> [--repository OWNER/NAME]

Checks an image before it is rolled out: signed by this repository's deploy workflow (cosign, keyless), and built
there from a commit of this repository (provenance attestation).

  --repository   default: GITHUB_REPOSITORY

Exit: 0 both hold, 1 one does not, 2 could not check.`;

/** No signature, no such tag, none that matches, none with a certificate (cmd/cosign/errors/exit_codes.go). */
const cosignRefuses = [10, 11, 12, 13];

await command('image:verify', usage, (args) => {
  const { values, positionals } = parseArgs({
    args,
    options: { repository: { type: 'string' } },
    allowPositionals: true,
  });
  const [reference = ''] = positionals;
  const repository = values.repository ?? process.env.GITHUB_REPOSITORY;
  if (!isPinned(reference))
    throw new CouldNotCheck(`${reference || 'nothing'} is no reference with a digest`);
  if (repository === undefined) throw new CouldNotCheck('--repository is missing');
  const workflow = `https://github.com/${repository}/.github/workflows/deploy.yml@refs/heads/main`;
  return Math.max(
    runProgram(
      'cosign',
      [
        'verify',
        ...['--certificate-identity', workflow],
        ...['--certificate-oidc-issuer', 'https://token.actions.githubusercontent.com'],
        ...['--output', 'text', reference],
      ],
      cosignRefuses,
    ),
    runProgram('gh', [
      'attestation',
      'verify',
      `oci://${reference}`,
      ...['--repo', repository, '--signer-workflow', `${repository}/.github/workflows/deploy.yml`],
    ]),
  );
});
