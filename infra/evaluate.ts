import * as pulumi from '@pulumi/pulumi';
import { configuredSecrets, standIn } from './components/credentials.ts';
import { stack } from './components/stack.ts';
import { program } from './index.ts';
import { BadSettings, parseSettings, rawSettings } from './settings/index.ts';

/** A resource as the program registered it. */
export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly urn: string;
  /** Inputs; a secret is `{ [secretSignature]: …, value }`, an unknown is {@link unknown}. */
  readonly props: Readonly<Record<string, unknown>>;
  readonly opts: {
    readonly protect: boolean;
    readonly parent: string;
    readonly dependencies: readonly string[];
  };
}

/** Key that marks a wrapped secret in {@link Registered.props}. */
export const secretSignature = '4dabf18193072939515e22adb298388d';

/** What an environment's program gave. */
export interface Evaluated {
  readonly resources: readonly Registered[];
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** How to evaluate. */
export interface EvaluateOptions {
  /** Settings laid over the file's, by key path. */
  readonly changes?: Readonly<Record<string, unknown>>;
  /** Values of the stack's secret configuration, by key without the project; one that is left out is made up. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** As at the first preview: what providers compute is unknown. */
  readonly preview?: boolean;
}

/**
 * Runs the whole program of one environment without engine, CLI or cluster, and lists what it registers.
 * One at a time: Pulumi's runtime is global to the process.
 * @throws RunError as the program does
 */
export async function evaluate(environment: string, options: EvaluateOptions = {}): Promise<Evaluated> {
  const preview = options.preview === true;
  await pulumi.runtime.setMocks(
    {
      newResource: ({ name, type, inputs }) => ({
        id: `${name}-id`,
        state: preview ? inputs : { ...inputs, ...computed(type, name) },
      }),
      call: ({ inputs }) => inputs,
    },
    'simple378',
    environment,
    preview,
    'organization',
  );
  configure(environment, options);
  const resources = record();
  const outputs = program();
  await pulumi.runtime.disconnect();
  return { resources, outputs: outputs as unknown as Record<string, unknown> };
}

function configure(environment: string, { changes, secrets = {} }: EvaluateOptions): void {
  const raw = rawSettings(environment, changes);
  const settings = Object.entries(raw).map(([key, value]) => [
    `simple378:${key}`,
    typeof value === 'object' ? JSON.stringify(value) : String(value),
  ]);
  const madeUp = secretNames(raw).map((name) => [
    name,
    name === 'registry' ? standIn(name) : `https://canary-${name}.invalid/`,
  ]);
  const secret = Object.entries({ ...Object.fromEntries(madeUp), ...secrets }).map(([key, value]) => [
    `simple378:${key}`,
    value,
  ]);
  pulumi.runtime.setAllConfig(
    Object.fromEntries([...settings, ...secret]),
    secret.map(([key]) => key as string),
  );
}

/** Names of the secrets that the settings need; none where the settings are wrong, which the program reports itself. */
function secretNames(raw: unknown): string[] {
  try {
    const settings = parseSettings(raw, 'settings');
    return configuredSecrets(settings, stack(settings));
  } catch (error) {
    if (error instanceof BadSettings) return [];
    throw error;
  }
}

/** Values that providers would compute; a canary in each secret shows where it ends up. */
function computed(type: string, name: string): Record<string, unknown> {
  switch (type) {
    case 'random:index/randomPassword:RandomPassword':
      return { result: `canary-${name}` };
    case 'tls:index/privateKey:PrivateKey':
      return { privateKeyPem: `canary-key-${name}` };
    case 'tls:index/selfSignedCert:SelfSignedCert':
    case 'tls:index/locallySignedCert:LocallySignedCert':
      return { certPem: `certificate ${name}` };
    case 'tls:index/certRequest:CertRequest':
      return { certRequestPem: `request ${name}` };
    default:
      return {};
  }
}

interface RegisterRequest {
  getType(): string;
  getName(): string;
  getParent(): string;
  getProtect(): boolean;
  getDependenciesList(): string[];
  getObject(): { toJavaScript(): Record<string, unknown> };
}
type Reply = (error: unknown, response: { getUrn(): string } | undefined) => void;

/** Mocks hide resource options, so the requests themselves are read. */
function record(): Registered[] {
  const found: Registered[] = [];
  const monitor = pulumi.runtime.getMonitor() as unknown as {
    registerResource(request: RegisterRequest, reply: Reply): unknown;
  };
  const original = monitor.registerResource.bind(monitor);
  monitor.registerResource = (request, reply) =>
    original(request, (error, response) => {
      if (response)
        found.push({
          type: request.getType(),
          name: request.getName(),
          urn: response.getUrn(),
          props: request.getObject().toJavaScript(),
          opts: {
            protect: request.getProtect(),
            parent: request.getParent(),
            dependencies: request.getDependenciesList(),
          },
        });
      reply(error, response);
    });
  return found;
}
