import { createHash } from 'node:crypto';
import * as pulumi from '@pulumi/pulumi';
import { RandomPassword } from '@pulumi/random/randomPassword.js';
import type { Component, SecretFile } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Authority } from './certificates.ts';
import type { Scope } from './register.ts';

/** Names of the configuration values, all secret, that an environment's own Secrets and providers are made of. */
export function configuredSecrets(settings: Settings, components: readonly Component[]): string[] {
  const specs = settings.secrets.source === 'config' ? components.flatMap(({ secrets = [] }) => secrets) : [];
  const keys = specs.flatMap(({ files }) => Object.values(files).flatMap(({ from }) => from));
  const names = keys.flatMap((key) => (key.startsWith('config/') ? key.slice('config/'.length) : []));
  return [...new Set([...names, ...(settings.grafana.mode === 'external' ? ['grafana-token'] : [])])];
}

/** Stands in for a configuration value where none is at hand: at a preview, in rendering and for policies. */
export const standIn = (name: string): string =>
  // The API server reads that of a registry, and takes no other text.
  name === 'registry' ? '{"auths":{}}' : `https://not-configured.invalid/${name}`;

/**
 * Secret values of an environment by key, each made when first asked for:
 * `password/…` and `bytes/…` are generated and kept in the state, `config/…` is a secret of the stack's configuration, and so is
 * `bytes/data-key/<id>` where `data-key-<id>` holds what another stack generated (`npx simple378 env carry-keys`).
 */
export class Credentials extends pulumi.ComponentResource {
  readonly #values = new Map<string, pulumi.Output<string>>();
  readonly #environment: Settings['environment'];
  readonly #configured: (name: string) => pulumi.Output<string> | undefined;
  readonly #prefix: string;
  /** Our own issuer, where there is one. */
  readonly authority: Authority<pulumi.Output<string>> | undefined;

  /** @param configured the secret of the configuration of that name */
  constructor(
    { environment }: Pick<Settings, 'environment'>,
    authority: (parent: pulumi.Resource) => Authority<pulumi.Output<string>> | undefined,
    configured: (name: string) => pulumi.Output<string> | undefined,
    { prefix, parent }: Scope,
  ) {
    super('simple378:infra:Material', `${prefix}material`, {}, parent ? { parent } : {});
    this.#environment = environment;
    this.#configured = configured;
    this.#prefix = prefix;
    this.authority = authority(this);
  }

  /** The value of a key, always a secret. */
  value(key: string): pulumi.Output<string> {
    const known = this.#values.get(key) ?? pulumi.secret(this.#make(key));
    this.#values.set(key, known);
    return known;
  }

  /** The content of a Secret's file in base64, a secret. */
  file({ from, write }: SecretFile): pulumi.Output<string> {
    const content = pulumi.all(from.map((key) => this.value(key))).apply((values) => write(...values));
    return pulumi.secret(content.apply((text) => Buffer.from(text).toString('base64')));
  }

  #make(key: string): pulumi.Output<string> {
    const [kind, ...rest] = key.split('/');
    if (kind === 'config') {
      const name = rest.join('/');
      const value = this.#configured(name);
      if (value) return value;
      if (pulumi.runtime.isDryRun()) return pulumi.secret(standIn(name));
      throw new pulumi.RunError(`${name}: is missing; pulumi config set --secret simple378:${name}`);
    }
    const carried = this.#configured(rest.join('-'));
    if (kind === 'bytes' && carried !== undefined) return carried.apply(bytesOf);
    const made = new RandomPassword(
      `${this.#prefix}${key}`,
      { length: kind === 'bytes' ? 64 : 40, special: false },
      { parent: this, ...kept(key, this.#environment) },
    );
    // Not RandomBytes: its id is the value itself, and ids are in the state, and on the screen, in plain.
    return kind === 'bytes' ? made.result.apply(bytesOf) : made.result;
  }
}

/** Without its key what is encrypted is lost: in production none goes by a change of settings alone. */
const kept = (key: string, environment: Settings['environment']): pulumi.CustomResourceOptions =>
  environment === 'prod' && key.startsWith('bytes/data-key/') ? { protect: true } : {};

/** 32 bytes in base64 from 64 random letters and digits, which hold more than 256 bits. */
function bytesOf(letters: string): string {
  return createHash('sha256').update(letters).digest('base64');
}
