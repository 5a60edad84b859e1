import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  cryptoProvider,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { CertificateSpec } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Source } from './objects.ts';

/** Secret values by key, and issued certificates by name; kept beside what was rendered, so that a second run reuses them. */
export interface Fresh {
  readonly values: Record<string, string>;
  readonly certificates: Record<string, { crt: string; key: string; names: string }>;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const signing = { name: 'ECDSA', hash: 'SHA-256' } as const;
const hour = 3_600_000;

/**
 * Real secret values and certificates, for an applicable set of manifests outside Pulumi: a lab, a trial.
 * @param known what an earlier run made; extended in place
 * @param configured values of the secret configuration by key, such as a receiver's URL
 */
export async function freshSource(
  settings: Settings,
  specs: readonly CertificateSpec[],
  known: Fresh,
  configured: Readonly<Record<string, string>> = {},
): Promise<Source> {
  cryptoProvider.set(webcrypto as never);
  const authority = await authorityOf(settings, known);
  for (const spec of specs) await issue(settings, spec, known, authority);
  const value = (key: string): string => {
    known.values[key] ??= make(key, configured);
    return known.values[key];
  };
  return {
    content: ({ from, write }) => base64(write(...from.map(value))),
    authority: {
      certificate: authority.pem,
      issue: ({ name }) => {
        const { crt, key } = known.certificates[name] as { crt: string; key: string };
        return { crt: base64(crt), key: base64(key), ca: base64(authority.pem) };
      },
    },
  };
}

function make(key: string, configured: Readonly<Record<string, string>>): string {
  if (key.startsWith('bytes/')) return randomBytes(32).toString('base64');
  if (key.startsWith('config/'))
    // The API server reads that of a registry, and takes no other text.
    return (
      configured[key.slice('config/'.length)] ??
      (key === 'config/registry' ? '{"auths":{}}' : 'https://not-configured.invalid/')
    );
  return randomBytes(30).toString('base64url');
}

async function authorityOf(settings: Settings, known: Fresh) {
  const stored = known.certificates.authority;
  if (stored)
    return { pem: stored.crt, certificate: new X509Certificate(stored.crt), key: await readKey(stored.key) };
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${settings.namespace} generated authority`,
    notAfter: new Date(Date.now() + 87_600 * hour),
    keys,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const pem = certificate.toString('pem');
  known.certificates.authority = { crt: pem, key: await writeKey(keys.privateKey), names: '' };
  return { pem, certificate, key: keys.privateKey };
}

async function issue(
  settings: Settings,
  { name, dnsNames }: CertificateSpec,
  known: Fresh,
  authority: { certificate: X509Certificate; key: webcrypto.CryptoKey },
): Promise<void> {
  const names = dnsNames.join(',');
  if (known.certificates[name]?.names === names) return;
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.create({
    subject: `CN=${dnsNames[0]}`,
    issuer: authority.certificate.subject,
    // A clock of a node may be a little behind.
    notBefore: new Date(Date.now() - hour / 12),
    notAfter: new Date(Date.now() + settings.tls.durationHours * hour),
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: signing,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension(dnsNames.map((value) => ({ type: 'dns' as const, value }))),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
      await AuthorityKeyIdentifierExtension.create(authority.certificate),
    ],
  });
  known.certificates[name] = {
    crt: certificate.toString('pem'),
    key: await writeKey(keys.privateKey),
    names,
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

async function writeKey(key: webcrypto.CryptoKey): Promise<string> {
  return PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}

async function readKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = PemConverter.decode(pem);
  return await webcrypto.subtle.importKey('pkcs8', der as ArrayBuffer, algorithm, true, ['sign']);
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
