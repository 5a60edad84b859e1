import { once } from 'node:events';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Client } from '@grpc/grpc-js';
import type { AnalyzeDiagnostic, AnalyzeResponse, AnalyzerInfo } from '@pulumi/pulumi/proto/analyzer_pb.js';
import { type ChildProcess, spawn } from '../../infra/programs/child-process.ts';
import type { Resource } from '../../policies/engine/rule.ts';

// Pulumi's protocol files and gRPC are CommonJS that names its exports at run time.
const require = createRequire(import.meta.url);
const grpc = require('@grpc/grpc-js') as typeof import('@grpc/grpc-js');
const messages =
  require('@pulumi/pulumi/proto/analyzer_pb.js') as typeof import('@pulumi/pulumi/proto/analyzer_pb.js');
const services = require('@pulumi/pulumi/proto/analyzer_grpc_pb.js') as {
  AnalyzerClient: typeof import('@grpc/grpc-js').Client;
};
const structs = require('google-protobuf/google/protobuf/struct_pb.js') as {
  Struct: { fromJavaScript(value: object): never };
};

/** What the pack reported: the policy, the resource (null: the stack), the words, the level. */
export interface Diagnostic {
  readonly rule: string;
  readonly urn: string | null;
  readonly message: string;
  readonly mandatory: boolean;
}

/** The pack as Pulumi runs it: a process of its own, asked over gRPC. */
export interface PackProcess {
  /** Every policy's name and level, as `pulumi policy` shows them. */
  info(): Promise<readonly { readonly name: string; readonly mandatory: boolean }[]>;
  /** One `Analyze` per resource, then one `AnalyzeStack` of them as they are `registered`, as the engine does. */
  analyze(resources: readonly Resource[], registered?: readonly Resource[]): Promise<readonly Diagnostic[]>;
  /** `Analyze` alone, for what only resource rules can find. */
  analyzeEach(resources: readonly Resource[]): Promise<readonly Diagnostic[]>;
  stop(): Promise<void>;
}

/** Starts the pack by Pulumi's own runner, for a stack of that name. */
export async function startPack(stack: string): Promise<PackProcess> {
  const folder = fileURLToPath(new URL('../../policies', import.meta.url));
  const runner = require.resolve('@pulumi/pulumi/cmd/run-policy-pack/index.js');
  const child = spawn(process.execPath, [runner, '127.0.0.1:1', '.'], {
    cwd: folder,
    env: { ...process.env, PULUMI_NODEJS_STACK: stack },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const port = await firstLine(child);
  const client = new services.AnalyzerClient(`127.0.0.1:${port}`, grpc.credentials.createInsecure(), {
    'grpc.max_receive_message_length': 64 * 1024 * 1024,
  });
  await configure(client);
  return {
    async info() {
      const info = await call<AnalyzerInfo>(client, 'getAnalyzerInfo', emptyMessage());
      return info.getPoliciesList().map((policy) => ({
        name: policy.getName(),
        mandatory: policy.getEnforcementlevel() === messages.EnforcementLevel.MANDATORY,
      }));
    },
    async analyze(resources, registered = resources) {
      const request = new messages.AnalyzeStackRequest();
      for (const resource of registered)
        request.addResources(fill(new messages.AnalyzerResource(), resource));
      const singly = await analyzeEach(client, resources);
      const stack = await call<AnalyzeResponse>(client, 'analyzeStack', request);
      return [...singly, ...stack.getDiagnosticsList().map((diagnostic) => read(diagnostic, null))];
    },
    analyzeEach: (resources) => analyzeEach(client, resources),
    async stop() {
      client.close();
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

async function analyzeEach(client: Client, resources: readonly Resource[]): Promise<readonly Diagnostic[]> {
  const each = resources.map(async (resource) => {
    const request = fill(new messages.AnalyzeRequest(), resource);
    const response = await call<AnalyzeResponse>(client, 'analyze', request);
    return response.getDiagnosticsList().map((diagnostic) => read(diagnostic, resource.urn));
  });
  return (await Promise.all(each)).flat();
}

/** As the engine does first: every policy is told the defaults of its own settings. */
async function configure(client: Client): Promise<void> {
  const request = new messages.ConfigureAnalyzerRequest();
  const info = await call<AnalyzerInfo>(client, 'getAnalyzerInfo', emptyMessage());
  for (const policy of info.getPoliciesList()) {
    const properties = policy.getConfigschema()?.getProperties()?.toJavaScript() ?? {};
    const defaults = Object.entries(properties).map(([name, schema]) => [
      name,
      (schema as { default?: unknown }).default,
    ]);
    const config = new messages.PolicyConfig();
    config.setEnforcementlevel(policy.getEnforcementlevel());
    config.setProperties(structs.Struct.fromJavaScript(Object.fromEntries(defaults)));
    request.getPolicyconfigMap().set(policy.getName(), config);
  }
  await call(client, 'configure', request);
}

/** The runner prints the port as its first line. */
async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('no standard output');
  const line = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`the pack ended with ${String(code)}`))),
  ]);
  return String(line[0]);
}

function call<Response>(client: Client, method: string, request: unknown): Promise<Response> {
  return new Promise((resolve, reject) => {
    const invoke = (client as unknown as Record<string, (...args: unknown[]) => void>)[method];
    invoke?.call(client, request, (error: Error | null, response: Response) => {
      if (error) reject(error);
      else resolve(response);
    });
  });
}

function emptyMessage(): unknown {
  const { Empty } = require('google-protobuf/google/protobuf/empty_pb.js') as { Empty: new () => unknown };
  return new Empty();
}

type Request = InstanceType<typeof messages.AnalyzeRequest> | InstanceType<typeof messages.AnalyzerResource>;

function fill<Message extends Request>(message: Message, resource: Resource): Message {
  const options = new messages.AnalyzerResourceOptions();
  options.setProtect(resource.opts?.protect ?? false);
  message.setType(resource.type);
  message.setName(resource.name);
  message.setUrn(resource.urn);
  message.setProperties(structs.Struct.fromJavaScript(JSON.parse(JSON.stringify(resource.props)) as object));
  message.setOptions(options);
  return message;
}

function read(diagnostic: AnalyzeDiagnostic, urn: string | null): Diagnostic {
  return {
    rule: diagnostic.getPolicyname(),
    urn: diagnostic.getUrn() || urn,
    // The description comes first, on a line of its own.
    message: diagnostic.getMessage().split('\n').slice(1).join('\n'),
    mandatory: diagnostic.getEnforcementlevel() === messages.EnforcementLevel.MANDATORY,
  };
}
