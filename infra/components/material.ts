import * as pulumi from '@pulumi/pulumi';
import { RandomBytes } from '@pulumi/random/randomBytes.js';
import { RandomPassword } from '@pulumi/random/randomPassword.js';
import type { Settings } from '../settings.ts';
import { type Authority, certificateManifests } from './certificates.ts';
import { metadata } from './labels.ts';
import type { CertificateSpec, Manifest, SecretSpec } from './manifest.ts';

/**
 * Secret values of an environment by key, each made when first asked for:
 * `password/…` and `bytes/…` are generated and kept in the state, `config/…` is a secret of the stack's configuration.
 */
export class Material extends pulumi.ComponentResource {
  readonly #settings: Settings;
  readonly #values = new Map<string, pulumi.Output<string>>();
  readonly #config = new pulumi.Config('simple378');
  /** Our own issuer, where there is one. */
  readonly authority: Authority | undefined;

  constructor(settings: Settings, authority: (parent: pulumi.Resource) => Authority | undefined) {
    super('simple378:infra:Material', 'material');
    this.#settings = settings;
    this.authority = authority(this);
  }

  /** The value of a key, always a secret. */
  value(key: string): pulumi.Output<string> {
    const known = this.#values.get(key) ?? pulumi.secret(this.#make(key));
    this.#values.set(key, known);
    return known;
  }

  /** The manifests that give a certificate: a TLS Secret of our own making, or a request to cert-manager. */
  certificate(spec: CertificateSpec): Manifest[] {
    return certificateManifests(this.#settings, spec, this.authority);
  }

  #make(key: string): pulumi.Output<string> {
    const [kind, ...rest] = key.split('/');
    if (kind === 'config') return this.#config.requireSecret(rest.join('/'));
    if (kind === 'bytes') return new RandomBytes(key, { length: 32 }, { parent: this }).base64;
    return new RandomPassword(key, { length: 40, special: false }, { parent: this }).result;
  }
}

/** A Secret with its files in base64; every value a secret output. */
export function secretObject(spec: SecretSpec, settings: Settings, material: Material): Manifest {
  const data = Object.entries(spec.files).map(([file, { from, write }]) => [
    file,
    pulumi.secret(
      pulumi
        .all(from.map((key) => material.value(key)))
        .apply((values) => Buffer.from(write(...values)).toString('base64')),
    ),
  ]);
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadata(settings, spec.name, spec.component),
    type: 'Opaque',
    data: Object.fromEntries(data),
  };
}
