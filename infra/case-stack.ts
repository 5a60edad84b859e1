import * as pulumi from '@pulumi/pulumi';
import { deploy, type Outputs } from './deploy.ts';
import { parseSettings, type Settings } from './settings/index.ts';

/** A type in which everything may be left out that has a default. */
type Given<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Given<T[K]> }
    : T;

/** What a case stack is made of. */
export interface CaseStackArgs {
  /** The settings of docs/settings.md; those with a default may be left out. */
  readonly settings: Given<Settings>;
  /**
   * Values that the settings need, by the names of docs/settings.md, such as `receiver-pager`.
   * @default none, and a preview stands in for them
   */
  readonly secrets?: Readonly<Record<string, pulumi.Input<string>>>;
}

/**
 * The case service with all that it needs, as a component of another program: `import { CaseStack } from 'simple378/infra'`.
 * Names of its resources begin with its own, so that several fit in one program. Each needs a namespace of its own.
 */
export class CaseStack extends pulumi.ComponentResource {
  /** Where clients call. */
  readonly url: pulumi.Output<string>;
  readonly namespace: pulumi.Output<string>;
  /** Passwords of the first users by e-mail address; secret. */
  readonly users: Outputs['users'];
  /** The certificate that clients must trust, PEM; absent where cert-manager issues. */
  readonly authority: Outputs['authority'];

  /** @throws RunError with every problem of the settings */
  constructor(name: string, args: CaseStackArgs, options?: pulumi.ComponentResourceOptions) {
    super('simple378:infra:CaseStack', name, {}, options);
    const secrets = args.secrets ?? {};
    const outputs = deploy(
      settingsOf(name, args),
      (key) => (secrets[key] === undefined ? undefined : pulumi.secret(secrets[key])),
      { prefix: `${name}/`, parent: this },
    );
    this.url = pulumi.output(outputs.url);
    this.namespace = pulumi.output(outputs.namespace);
    this.users = outputs.users;
    this.authority = outputs.authority;
    this.registerOutputs({ url: this.url, namespace: this.namespace });
  }
}

function settingsOf(name: string, { settings }: CaseStackArgs): Settings {
  try {
    return parseSettings(settings, `CaseStack ${name}`);
  } catch (error) {
    throw new pulumi.RunError((error as Error).message);
  }
}
