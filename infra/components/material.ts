import * as pulumi from '@pulumi/pulumi';
import { RandomBytes } from '@pulumi/random/randomBytes.js';
import { RandomPassword } from '@pulumi/random/randomPassword.js';
import type { Authority } from './certificates.ts';
import type { SecretFile } from './manifest.ts';

/**
 * Secret values of an environment by key, each made when first asked for:
 * `password/…` and `bytes/…` are generated and kept in the state, `config/…` is a secret of the stack's configuration.
 */
export class Material extends pulumi.ComponentResource {
  readonly #values = new Map<string, pulumi.Output<string>>();
  readonly #config = new pulumi.Config('simple378');
  /** Our own issuer, where there is one. */
  readonly authority: Authority<pulumi.Output<string>> | undefined;

  constructor(authority: (parent: pulumi.Resource) => Authority<pulumi.Output<string>> | undefined) {
    super('simple378:infra:Material', 'material');
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
    if (kind === 'config') return this.#config.requireSecret(rest.join('/'));
    if (kind === 'bytes') return new RandomBytes(key, { length: 32 }, { parent: this }).base64;
    return new RandomPassword(key, { length: 40, special: false }, { parent: this }).result;
  }
}
