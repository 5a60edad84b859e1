import { Command } from 'commander';
import { passThrough } from './frame/process.ts';

/** Builds `npx simple378` with all its commands; the help and docs/commands.md come from it. */
export function program(): Command {
  const top = new Command('simple378')
    .description('The commands of this repository. Every command takes --help.')
    .helpCommand('help [command]', 'show the usage of a command');
  for (const command of [stack(), env(), verify(), bench(), generate(), doctor()]) top.addCommand(command);
  return top;
}

const stack = (): Command =>
  group('stack', 'Run the whole stack on this machine', [
    passThrough('start', ['infra/local/main.ts']).description(
      'start the stack; Ctrl-C stops it; --smoke proves it and stops',
    ),
    passThrough('stop', ['infra/local/stop.ts']).description('stop a stack that runs elsewhere'),
    passThrough('status', ['infra/local/status.ts']).description('show which parts of the stack answer'),
    passThrough('login', ['infra/local/login.ts']).description('print an access token of the running stack'),
    passThrough('rotate-keys', ['infra/local/rotate-keys.ts']).description(
      'make a new data key and encrypt every case with it, without a restart',
    ),
    passThrough('preview', ['dashboards/preview/main.ts']).description(
      'draw every dashboard with the data of the running stack',
    ),
  ]);

const env = (): Command =>
  group('env', 'Render, bring up and look after an environment', [
    passThrough('render', ['infra/render.ts']).description(
      'write the manifests of every environment, without a cluster',
    ),
    passThrough('up', ['infra/up.ts']).description('run policies, preview and pulumi up of one environment'),
    passThrough('kind', ['infra/kind.ts']).description('create a local kind cluster with the stack in it'),
    passThrough('restore', ['infra/cluster/restore-command.ts']).description(
      'restore the Redis data of an environment from a backup',
    ),
    passThrough('carry-keys', ['infra/carry-keys.ts']).description(
      'copy the data keys of one Pulumi stack to another',
    ),
    passThrough('probe-network', ['infra/cluster/probe-network.ts']).description(
      'try every connection between the pods of a cluster',
    ),
    passThrough('release', ['cli/delivery/release.ts']).description(
      'bring an environment up with an image, or roll it back',
    ),
    passThrough('gate', ['cli/delivery/gate.ts']).description(
      'run one gate of a roll-out against an environment',
    ),
    passThrough('drift', ['cli/delivery/drift.ts']).description(
      'show the differences between an environment and the program',
    ),
  ]);

const verify = (): Command =>
  group('verify', 'Check the code, the settings and what runs', [
    passThrough('check', ['cli/check.ts']).description('lint, types, imports, links and generated files'),
    passThrough('fix', [
      'node_modules/@biomejs/biome/bin/biome',
      'check',
      '--write',
      '--error-on-warnings',
      '.',
    ]).description('format the code and fix lint findings'),
    passThrough('test', ['node_modules/vitest/vitest.mjs', 'run']).description(
      'run the tests; arguments go to vitest',
    ),
    passThrough('policies', ['--require', './infra/preload.cjs', 'policies/main.ts']).description(
      'check every environment against the security checklist',
    ),
    passThrough('security', ['policies/verify/main.ts']).description(
      'prove the security checklist on a running stack',
    ),
    passThrough('load', ['loadtests/runner/main.ts']).description(
      'run a k6 load test: limits, burst, attack, …',
    ),
    passThrough('limiter-mutants', ['limiter/mutants/main.ts']).description(
      'break the limiter in known ways; a test must fail each time',
    ),
    passThrough('security-mutants', ['policies/mutants/main.ts']).description(
      'break every security control once; a proof must fail each time',
    ),
    passThrough('error-budgets', ['cli/watch/main.ts']).description(
      'watch the burn rates of an environment; exit 1 as soon as one is too high',
    ),
    passThrough('pull-request', ['cli/ci-local.ts']).description('run the gates of a pull request'),
  ]);

const bench = (): Command =>
  group('bench', 'Measure', [
    passThrough('limiter', ['limiter/bench/main.ts']).description('compare the limiter with its peers'),
    passThrough('faults', ['limiter/faults/main.ts']).description(
      'compare the limiter with its peers while Redis fails; writes limiter/FAULTS.md',
    ),
    passThrough('tracing', ['loadtests/bench/tracing.ts']).description(
      'measure the cost of a trace collector that fails',
    ),
    passThrough('memory', ['loadtests/bench/memory.ts']).description('measure the memory of Redis per user'),
    passThrough('capacity', ['cli/bench-capacity.ts']).description(
      'find the highest request rate that keeps the objectives',
    ),
    passThrough('burn-rate', ['slo/simulate.ts']).description(
      'simulate when each burn-rate alert fires for a curve of errors',
    ),
  ]);

const generate = (): Command =>
  passThrough('generate', ['cli/generate.ts']).description(
    'write every generated file; --check only compares',
  );

const doctor = (): Command =>
  passThrough('doctor', ['cli/doctor/start.js']).description(
    'show which programs are installed and how to get the others',
  );

function group(name: string, description: string, commands: readonly Command[]): Command {
  const made = new Command(name).description(description).helpCommand(false);
  for (const command of commands) made.addCommand(command);
  return made;
}
