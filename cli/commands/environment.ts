import { Command } from 'commander';
import { CouldNotCheck, collect, exits, stack, withSet } from '../frame/command.ts';
import { runCommand } from '../frame/process.ts';

/** The commands that render an environment and bring it up. */
export const environmentCommands = (): Command[] => [
  render(),
  up(),
  kind(),
  rotateKeys(),
  carryKeys(),
  probeNetwork(),
];

function render(): Command {
  const command = new Command('render')
    .description(
      'write the manifests of environments to rendered/, without a cluster; secrets become secret:<path>',
    )
    .addArgument(stack('[stack...]'))
    .option('--stack <name>', 'a stack, as the argument; may be repeated', collect, [])
    .option('--check', 'write nothing; exit code 1 when rendered/ is stale', false)
    .option('--reveal-secrets', 'write fresh secrets, so that the files can be applied; needs --out', false)
    .option('--out <dir>', 'write there instead, outside the repository; with secrets its mode is 0700')
    .option(
      '--secret <key=value>',
      'a value of the secret configuration, as in receiver-pager=https://…; may be repeated',
      collect,
      [],
    );
  return withSet(command).action(
    exits(async (named: string[], options) => {
      const environments = [...named, ...options.stack];
      const { renderManifests } = await import('../../infra/render.ts');
      return renderManifests({ ...options, environments }, console.error);
    }),
  );
}

function up(): Command {
  return new Command('up')
    .description('check the policies and the cluster, show the preview, ask, and run pulumi up')
    .addArgument(stack())
    .option(
      '--stack <name>',
      'the Pulumi stack, whose settings are in Pulumi.<name>.yaml (default: the environment)',
    )
    .option('--yes', 'do not ask', false)
    .option('--preview', 'stop after the preview', false)
    .option('--refresh', 'compare with the cluster, and undo what was changed by hand', false)
    .action(
      exits(async (name: string, options) => {
        const { bringUp } = await import('../../infra/up.ts');
        return bringUp(name, options, (judged) => runCommand('verify', 'policies', judged));
      }),
    );
}

function kind(): Command {
  return new Command('kind')
    .description('create a local kind cluster with the stack in it; run it again after a change of the code')
    .option('--name <name>', 'name of the cluster', 'simple378')
    .option('--yes', 'do not ask before pulumi up', false)
    .option('--delete', 'delete the cluster and its stack instead', false)
    .addHelpText(
      'after',
      `
Needs Docker with three cores, kind 0.32 or newer, kubectl, and the Pulumi CLI logged in to a backend: pulumi login --local
will do, with a passphrase in PULUMI_CONFIG_PASSPHRASE_FILE. Port 8443 must be free, so stop the local stack first.`,
    )
    .action(
      exits(async (options) => {
        const { runKind } = await import('../../infra/kind.ts');
        const yes = options.yes ? ['--yes'] : [];
        return runKind(options, (name) => runCommand('env', 'up', 'local', '--stack', name, ...yes));
      }),
    );
}

function rotateKeys(): Command {
  return new Command('rotate-keys')
    .description('encrypt every case of an environment with its active data key, while the service runs')
    .addArgument(stack())
    .action(
      exits(async (name: string) => {
        const { loadSettings } = await import('../../infra/settings/index.ts');
        const { reach } = await import('../../infra/cluster/reach.ts');
        const { reseal } = await import('../../infra/cluster/reseal.ts');
        console.log(await reseal(await reach(loadSettings(name))));
        return 0;
      }),
    );
}

function carryKeys(): Command {
  return new Command('carry-keys')
    .description(
      'copy the data keys of one Pulumi stack to a new one, so that it can read a backup of the first',
    )
    .argument('<from>', 'a stack that is up')
    .argument('<to>', 'a stack that exists (pulumi stack init) and is not up yet')
    .action(
      exits(async (from: string, to: string) => {
        if (from === to) throw new CouldNotCheck('<from> and <to> are the same stack; name two stacks');
        const { carryKeys: carry } = await import('../../infra/data-keys.ts');
        for (const name of carry(from, to))
          console.log(`${name} of ${from} is in the configuration of ${to}, encrypted`);
        return 0;
      }),
    );
}

function probeNetwork(): Command {
  const command = new Command('probe-network')
    .description('try every connection in a cluster, from a pod with the network identity of each component')
    .addArgument(stack())
    .option('--image <ref>', 'an image whose entry point is Node.js (default: the image of the service)');
  return withSet(command).action(
    exits(async (name: string, { image, set }) => {
      const { loadSettings } = await import('../../infra/settings/index.ts');
      const { changesOf } = await import('../../infra/settings/changes.ts');
      const { reach } = await import('../../infra/cluster/reach.ts');
      const { probeNetwork: probe } = await import('../../infra/cluster/probe-network.ts');
      const settings = loadSettings(name, changesOf(set));
      const { status, lines, unjudged, tried } = await probe(await reach(settings), settings, image);
      for (const line of lines) console.log(line);
      for (const line of unjudged) console.log(`note: no policy governs ${line}`);
      console.log(`${status} (${tried} connections tried)`);
      return { enforced: 0, violated: 1, 'not enforced': 2 }[status];
    }),
  );
}
