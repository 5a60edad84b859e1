import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';

/** A certificate and its private key (PKCS #8), both as PEM. */
export interface CertificatePair {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate to issue. */
export interface CertificateRequest {
  /** Host names and IP addresses; the first is the common name. */
  readonly names: readonly string[];
  readonly validHours: number;
}

/** A certificate authority that is outside Pulumi: of the local stack, of applicable manifests, of a test. */
export interface Authority extends CertificatePair {
  /** Issues a server's certificate with a key of its own. */
  issue(request: CertificateRequest): Promise<CertificatePair>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const hour = 3_600_000;
/** The clock of another machine may be behind. */
const clockSkewHours = 24;
x509.cryptoProvider.set(webcrypto as never);

/** Creates an authority with a key of its own. */
export async function createAuthority(commonName: string, validHours: number): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${commonName}`,
    ...validity(validHours),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return authorityOf(certificate, keys.privateKey, await exportKey(keys.privateKey));
}

/** Returns the authority of a stored certificate and key. */
export async function openAuthority({ certificate, key }: CertificatePair): Promise<Authority> {
  const der = x509.PemConverter.decodeFirst(key);
  const privateKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  return authorityOf(new x509.X509Certificate(certificate), privateKey, key);
}

function authorityOf(issuer: x509.X509Certificate, signingKey: webcrypto.CryptoKey, key: string): Authority {
  return {
    certificate: issuer.toString('pem'),
    key,
    async issue({ names, validHours }) {
      const keys = await newKeys();
      const certificate = await x509.X509CertificateGenerator.create({
        subject: `CN=${names[0]}`,
        issuer: issuer.subject,
        ...validity(validHours),
        publicKey: keys.publicKey,
        signingKey,
        signingAlgorithm: algorithm,
        extensions: [
          new x509.BasicConstraintsExtension(false, undefined, true),
          new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
          new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
          new x509.SubjectAlternativeNameExtension(
            names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
          ),
          await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
          await x509.AuthorityKeyIdentifierExtension.create(issuer),
        ],
      });
      return { certificate: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
    },
  };
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);

const exportKey = async (key: webcrypto.CryptoKey): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');

const validity = (validHours: number) => ({
  serialNumber: randomBytes(8).toString('hex'),
  notBefore: new Date(Date.now() - clockSkewHours * hour),
  notAfter: new Date(Date.now() + validHours * hour),
});
