import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { environments } from '../../infra/settings/environments.ts';
import { schemaLocation } from './install.ts';
import { readJson, script } from './service-tools.ts';
import type { Tool } from './types.ts';

/** Tools that read the rendered manifests of every environment. */

/** What the settings name as supported. */
const kubernetesVersions = ['1.34', '1.35', '1.36'];

/** Kinds whose schemas do not come with Kubernetes. */
const extensions = ['Gateway', 'GatewayClass', 'HTTPRoute', 'BackendTLSPolicy', 'Certificate', 'Issuer'];

/** Checks of section 1d of the checklist's sources; the others of checkov are about API servers and pass vacuously. */
const checkovIds = [
  8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 25, 26, 27, 28, 29, 30, 31, 35, 37, 38, 39, 40,
  41, 42, 43, 49, 155, 156, 157, 158,
].map((number) => `CKV_K8S_${number}`);

const ownIds =
  'the images own their files under these ids; user namespaces or another image are the way to higher ones';
const oneQuestion =
  'the program has one health question; only the service of ours has two, and is asked both';

export const manifestTools: readonly Tool[] = [
  {
    name: 'checkov',
    expects: 'no failed check over the rendered manifests of any environment',
    source: { pip: 'checkov', version: '3.3.30', program: 'checkov' },
    accepted: [
      { finding: /^CKV_K8S_40 /, reason: ownIds },
      {
        finding: /^CKV_K8S_38 .*\.edge$/,
        reason: 'the Gateway controller watches Gateways and routes through the API server',
      },
      {
        finding: /^CKV_K8S_[89] .*\.redis$/,
        reason: 'the sidecar that reloads certificates takes no traffic and ends when it fails',
      },
      {
        finding: /^CKV_K8S_43 Deployment\.simple378-(local|dev)\.case-service$/,
        reason:
          'built where it runs and pushed nowhere, so it has no digest; staging and production name one',
      },
    ],
    runs: (bin, { root }) => [
      {
        command: bin,
        args: [
          '-d',
          `${root}rendered`,
          '--framework',
          'kubernetes',
          '--skip-download',
          '--compact',
          '--quiet',
          '-o',
          'json',
          '--check',
          [...checkovIds, 'CKV2_K8S_6'].join(),
        ],
      },
    ],
    read(output) {
      const parsed = JSON.parse(output) as CheckovReport | CheckovReport[];
      const report = Array.isArray(parsed) ? parsed[0] : parsed;
      if (!report?.summary.passed) throw new Error('checkov checked nothing');
      return {
        findings: report.results.failed_checks.map(({ check_id, resource }) => `${check_id} ${resource}`),
        summary: `${report.summary.passed} passed, ${report.summary.failed} failed`,
      };
    },
  },
  {
    name: 'kube-score',
    expects: 'no warning or critical over the rendered manifests of any environment',
    source: { go: 'github.com/zegl/kube-score/cmd/kube-score', version: 'v1.20.0', program: 'kube-score' },
    accepted: [
      {
        finding: /^container-image-pull-policy /,
        reason: 'images are named by digest: pulling again cannot bring another',
      },
      { finding: /^container-security-context-user-group-id /, reason: ownIds },
      { finding: /^pod-probes-identical (?!.*case-service)/, reason: oneQuestion },
      {
        finding: /^deployment-replicas .*otel-collector$/,
        reason: 'traces of a restart may be lost; the service drops and counts them',
      },
      {
        finding: /^deployment-replicas .*simple378-(local|dev|staging)\/edge$/,
        reason: 'only production promises to answer while a node is drained; it has two',
      },
      {
        finding: /^service-type .*simple378-local\/edge$/,
        reason: 'a cluster on a laptop has no load balancer: a node port is its way in',
      },
    ],
    // One environment at a time: kube-score matches objects by name.
    runs: (bin, { root }) =>
      environments.map((environment) => ({
        command: bin,
        args: ['score', '--output-format', 'json', ...manifests(root, environment)],
      })),
    read(_all, _code, outputs) {
      const objects = outputs.flatMap((output) => JSON.parse(output) as readonly KubeScoreObject[]);
      const checks = objects.flatMap(({ object_name, checks = [] }) =>
        checks.filter(({ skipped }) => !skipped).map((one) => ({ ...one, object_name })),
      );
      if (checks.length === 0) throw new Error('kube-score checked nothing');
      const findings = checks
        .filter(({ grade }) => grade < 7)
        .map(({ check, object_name }) => `${check.id} ${object_name}`);
      return { findings, summary: `${checks.length} checks over ${objects.length} objects` };
    },
  },
  {
    name: 'kubeconform',
    expects: 'every rendered manifest valid for Kubernetes 1.34, 1.35 and 1.36, strictly',
    source: {
      go: 'github.com/yannh/kubeconform/cmd/kubeconform',
      version: 'v0.8.0',
      program: 'kubeconform',
      schemas: 'kubernetes-validate==1.37.0',
    },
    runs: (bin, { root }) =>
      kubernetesVersions.map((version) => ({
        command: bin,
        args: [
          '-strict',
          '-summary',
          ...['-output', 'json'],
          ...['-kubernetes-version', `${version}.0`],
          ...['-schema-location', schemaLocation(bin)],
          ...['-skip', extensions.join()],
          `${root}rendered`,
        ],
      })),
    read(_all, _code, outputs) {
      const reports = outputs.map((output) => JSON.parse(output) as KubeconformReport);
      const valid = reports.map(({ summary }) => summary.valid);
      if (valid.includes(0)) throw new Error('kubeconform judged nothing');
      return {
        findings: reports.flatMap(({ resources }) =>
          (resources ?? []).map(({ filename, kind, msg }) => `${kind} ${filename}: ${msg}`),
        ),
        summary: `${valid.join(', ')} manifests valid for ${kubernetesVersions.join(', ')}; ${reports[0]?.summary.skipped} of Gateway API and cert-manager are left to crd-schemas`,
      };
    },
  },
  {
    name: 'crd-schemas',
    expects: 'every manifest of Gateway API and cert-manager valid for its resource definition',
    source: {
      npm: ['@kubernetes-models/gateway-api@2.0.0', '@kubernetes-models/cert-manager@6.0.0', 'yaml@2.9.1'],
      version: '2.0.0 / 6.0.0',
    },
    runs: (folder, { root }) => [
      script(
        folder,
        `
      const { readFileSync } = require('fs');
      const { parse } = require('yaml');
      const packages = { 'gateway.networking.k8s.io': 'gateway-api', 'cert-manager.io': 'cert-manager' };
      const judge = async (file) => {
        const object = parse(readFileSync(file, 'utf8'));
        const path = packages[object.apiVersion.split('/')[0]];
        if (!path) return null;
        const models = await import('@kubernetes-models/' + path + '/' + object.apiVersion);
        try { new models[object.kind](object).validate(); return []; } catch (error) { return [file + ': ' + error.message]; }
      };
      Promise.all(${JSON.stringify(environments.flatMap((environment) => manifests(root, environment)))}.map(judge)).then((all) => {
        const judged = all.filter(Boolean);
        console.log(JSON.stringify({ findings: judged.length ? judged.flat() : ['nothing was judged'], count: judged.length }));
      });`,
      ),
    ],
    read: readJson(({ count }) => `${String(count)} manifests valid`),
  },
  {
    name: 'pod-security',
    expects:
      "every pod allowed by Kubernetes' own Pod Security evaluator at level restricted of 1.34, 1.35 and 1.36",
    source: {
      goFolder: 'policies/external/pod-security',
      requires: 'k8s.io/pod-security-admission',
      program: 'pod-security',
    },
    runs: (bin, { root }) => [
      {
        command: bin,
        args: [
          kubernetesVersions.map((version) => `v${version}`).join(),
          ...environments.flatMap((environment) => manifests(root, environment)),
        ],
      },
    ],
    read(output) {
      const { pods, findings } = JSON.parse(output) as { pods: number; findings: string[] };
      if (pods === 0) throw new Error('no pod was judged');
      return { findings, summary: `${pods} pods allowed by ${kubernetesVersions.join(', ')}` };
    },
  },
];

interface CheckovReport {
  readonly summary: { readonly passed: number; readonly failed: number };
  readonly results: {
    readonly failed_checks: readonly { readonly check_id: string; readonly resource: string }[];
  };
}

interface KubeScoreObject {
  readonly object_name: string;
  readonly checks?: readonly {
    readonly check: { readonly id: string };
    readonly grade: number;
    readonly skipped: boolean;
  }[];
}

interface KubeconformReport {
  readonly resources?: readonly { readonly filename: string; readonly kind: string; readonly msg: string }[];
  readonly summary: { readonly valid: number; readonly skipped: number };
}

function manifests(root: string, environment: string): readonly string[] {
  const folder = join(root, 'rendered', environment);
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => join(folder, file));
}
