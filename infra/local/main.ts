import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BadSettings } from '../settings/index.ts';
import { BadPolicies, readPoliciesFile } from './policies-file.ts';
import { smoke } from './smoke.ts';
import { StartFailed, startStack } from './start.ts';

const help = `npm start [-- options]

Runs the environment local (Pulumi.local.yaml) on this machine, on loopback, and follows its logs. Ctrl-C or npm stop ends
it. What is missing of its servers is unpacked into ~/.cache/simple378; nothing is installed into the system.

  --port-offset N   shift every port by N, 0 to 50000: beside the stack of another checkout
  --fresh           drop the state of earlier runs (.local/) first
  --policies FILE   rate limits from a JSON list of policies, as contract/policies.ts has them, in place of the
                    settings' limits; examples in loadtests/policies/. The load tests read the same file
  --no-install      use only programs that are on PATH or in the cache; download nothing
  --smoke           start, do the main job as a user would, report each step, stop
  --help            this text
`;

process.exitCode = await main();

async function main(): Promise<number> {
  let options: ReturnType<typeof parse>;
  try {
    options = parse();
  } catch (error) {
    console.error(`npm start: ${(error as Error).message}\n\n${help}`);
    return 2;
  }
  if (options.help) {
    console.log(help);
    return 0;
  }
  const offset = Number(options['port-offset']);
  if (!Number.isInteger(offset) || offset < 0 || offset > 50_000) {
    console.error(
      `npm start: --port-offset is ${JSON.stringify(options['port-offset'])}, must be an integer, 0 to 50000`,
    );
    return 2;
  }
  try {
    const policies = options.policies === undefined ? null : resolve(options.policies);
    if (policies !== null) readPoliciesFile(policies);
    const stack = await startStack({
      offset,
      policies,
      fresh: options.fresh,
      install: !options['no-install'],
      follow: !options.smoke,
    });
    // A smoke test that did not run has not passed.
    if (stack === undefined) return options.smoke ? 2 : 0;
    if (!options.smoke) return await stack.ended;
    const passed = await smoke(stack.file).finally(() => stack.stop());
    return passed ? 0 : 1;
  } catch (error) {
    if (error instanceof BadPolicies) {
      console.error(`npm start: --policies ${error.message}`);
      return 78;
    }
    if (error instanceof StartFailed) {
      console.error(`\n${error.message}`);
      return error.exitCode;
    }
    console.error(`npm start: ${(error as Error).message}`);
    return error instanceof BadSettings ? 78 : 1;
  }
}

function parse() {
  const { values } = parseArgs({
    options: {
      'port-offset': { type: 'string', default: '0' },
      policies: { type: 'string' },
      fresh: { type: 'boolean', default: false },
      'no-install': { type: 'boolean', default: false },
      smoke: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  return values;
}
