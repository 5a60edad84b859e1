import * as pulumi from '@pulumi/pulumi';
import { CertRequest, LocallySignedCert, PrivateKey, SelfSignedCert } from '@pulumi/tls';
import type { Settings } from '../settings/index.ts';
import type { Authority } from './certificates.ts';

/** Ten years: a generated authority is for trying things out, and its clients would have to trust a new one. */
const authorityHours = 87_600;

/** A certificate authority of this stack, kept in its state; only for `tls.issuer: generated`. */
export function generatedAuthority(
  settings: Settings,
  parent: pulumi.Resource,
  prefix: string,
): Authority<pulumi.Output<string>> | undefined {
  if (settings.tls.issuer !== 'generated') return undefined;
  const options = { parent };
  const key = new PrivateKey(`${prefix}authority`, { algorithm: 'ECDSA', ecdsaCurve: 'P256' }, options);
  const authority = new SelfSignedCert(
    `${prefix}authority`,
    {
      privateKeyPem: key.privateKeyPem,
      isCaCertificate: true,
      setSubjectKeyId: true,
      validityPeriodHours: authorityHours,
      allowedUses: ['cert_signing', 'crl_signing'],
      subject: { commonName: `${settings.namespace} generated authority` },
    },
    options,
  );
  return {
    certificate: authority.certPem,
    issue(spec) {
      const own = new PrivateKey(
        `${prefix}${spec.name}`,
        { algorithm: 'ECDSA', ecdsaCurve: 'P256' },
        options,
      );
      const request = new CertRequest(
        `${prefix}${spec.name}`,
        {
          privateKeyPem: own.privateKeyPem,
          dnsNames: [...spec.dnsNames],
          subject: { commonName: spec.dnsNames[0] as string },
        },
        options,
      );
      const signed = new LocallySignedCert(
        `${prefix}${spec.name}`,
        {
          certRequestPem: request.certRequestPem,
          caPrivateKeyPem: key.privateKeyPem,
          caCertPem: authority.certPem,
          setSubjectKeyId: true,
          validityPeriodHours: settings.tls.durationHours,
          earlyRenewalHours: settings.tls.renewBeforeHours,
          allowedUses: ['digital_signature', 'server_auth'],
        },
        options,
      );
      return {
        crt: base64(signed.certPem),
        key: pulumi.secret(base64(own.privateKeyPem)),
        ca: base64(authority.certPem),
      };
    },
  };
}

function base64(text: pulumi.Output<string>): pulumi.Output<string> {
  return text.apply((value) => Buffer.from(value).toString('base64'));
}
