import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContextOptions, type Server } from 'node:tls';
import { SettingsError } from './settings.ts';

/** TLS 1.2 and 1.3 as Mozilla's "intermediate" (5.7) has them; Node's defaults offer more curves and ciphers. */
const intermediate = {
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ecdhCurve: 'X25519:P-256:P-384',
  ciphers: [
    'TLS_AES_128_GCM_SHA256',
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
  ].join(':'),
} as const satisfies SecureContextOptions;

/** The files of `TLS_DIR` that are served, named as in a Kubernetes TLS Secret. */
export const tlsFiles = ['tls.crt', 'tls.key'] as const;

/** The certificate that a listener serves, and its end. */
export interface ServedCertificate {
  readonly options: SecureContextOptions;
  readonly expires: Date;
}

/**
 * Reads certificate and key of a folder.
 * @throws SettingsError when one is missing, or the two do not belong together
 */
export function readCertificate(folder: string): ServedCertificate {
  const cert = read(folder, 'tls.crt');
  const key = read(folder, 'tls.key');
  try {
    const options = { ...intermediate, cert, key };
    createSecureContext(options);
    return { options, expires: new Date(new X509Certificate(cert).validTo) };
  } catch {
    throw new SettingsError([
      {
        name: 'TLS_DIR/tls.crt',
        found: 'is no PEM certificate, or does not belong to tls.key',
        remedy: 'write the served chain and its key',
      },
    ]);
  }
}

/** Serves a renewed certificate on new connections; those that are open keep theirs. */
export function serveCertificate(servers: readonly Server[], { options }: ServedCertificate): void {
  for (const server of servers) server.setSecureContext(options);
}

function read(folder: string, file: (typeof tlsFiles)[number]): Buffer {
  try {
    return readFileSync(join(folder, file));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new SettingsError([
      { name: `TLS_DIR/${file}`, found: `cannot be read (${code})`, remedy: 'write the PEM file there' },
    ]);
  }
}
