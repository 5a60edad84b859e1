import { metadata } from '../kubernetes/labels.ts';
import type { CertificateSpec, Manifest } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';

/** Base64 PEM of a certificate, its key and its issuer; strings, markers or outputs. */
export interface Issued {
  readonly crt: unknown;
  readonly key: unknown;
  readonly ca: unknown;
}

/** Signs certificates where this program is the issuer. */
export interface Authority<T = unknown> {
  /** Its own certificate, PEM. */
  readonly certificate: T;
  issue(spec: CertificateSpec): Issued;
}

/** A TLS Secret signed by our own authority, or cert-manager's Certificate which ends in one of the same name. */
export function certificateManifests(
  settings: Settings,
  spec: CertificateSpec,
  authority: Authority | undefined,
): Manifest[] {
  const { tls } = settings;
  if (authority) {
    const { crt, key, ca } = authority.issue(spec);
    return [
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: metadata(settings, spec.name, spec.component),
        type: 'kubernetes.io/tls',
        data: { 'tls.crt': crt, 'tls.key': key, 'ca.crt': ca },
      },
    ];
  }
  const issuer = spec.issuer === 'edge' ? tls.edgeIssuer : tls.internalIssuer;
  return [
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      metadata: metadata(settings, spec.name, spec.component),
      spec: {
        secretName: spec.name,
        duration: `${tls.durationHours}h0m0s`,
        renewBefore: `${tls.renewBeforeHours}h0m0s`,
        dnsNames: spec.dnsNames,
        usages: ['digital signature', 'key encipherment', 'server auth'],
        privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
        issuerRef: { ...issuer, group: 'cert-manager.io' },
      },
    },
  ];
}

/** The certificate of our own authority, which is no secret: where clients take it from. */
export function authorityManifests(settings: Settings, authority: Authority | undefined): Manifest[] {
  if (!authority) return [];
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: metadata(settings, 'authority', 'edge'),
      data: { 'ca.crt': authority.certificate },
    },
  ];
}
