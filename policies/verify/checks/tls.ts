import { randomBytes, X509Certificate } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { type Check, type Outcome, verdict } from '../check.ts';
import { CouldNotCheck, exchange, open, send, type Target } from '../client.ts';

/** OpenSSL itself refuses broken offers unless the security level is 0. */
const lax = { rejectUnauthorized: false, ciphers: 'ALL:@SECLEVEL=0' } as const;
const dayMs = 86_400_000;

/** Offers that the server must turn down. */
const refused: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.0': { ...lax, minVersion: 'TLSv1', maxVersion: 'TLSv1' },
  'TLS 1.1': { ...lax, minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' },
  'CBC ciphers': offer(
    'ECDHE-ECDSA-AES128-SHA256:ECDHE-RSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA:ECDHE-RSA-AES256-SHA:ECDHE-ECDSA-AES256-SHA384',
  ),
  'ciphers without forward secrecy': offer('AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA'),
  'anonymous ciphers': offer('aNULL:eNULL'),
  'CCM and ARIA ciphers': offer(
    'ECDHE-ECDSA-AES128-CCM:ECDHE-ECDSA-ARIA128-GCM-SHA256:ECDHE-ARIA128-GCM-SHA256',
  ),
  'SHA-1 signatures': { ...offer('ALL'), sigalgs: 'ECDSA+SHA1:RSA+SHA1' },
  'curve P-521': { rejectUnauthorized: false, ecdhCurve: 'secp521r1' },
  'curve X448': { rejectUnauthorized: false, ecdhCurve: 'X448' },
};

function offer(ciphers: string): ConnectionOptions {
  return {
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.2',
    ciphers: `${ciphers}:@SECLEVEL=0`,
  };
}

const accepted: Readonly<Record<string, ConnectionOptions>> = {
  'TLS 1.2': { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' },
  'TLS 1.3': { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' },
  'curve X25519': { ecdhCurve: 'X25519' },
  'curve P-256': { ecdhCurve: 'prime256v1' },
};

export const tlsChecks: readonly Check[] = [
  ...Object.entries(refused).map(
    ([name, options]): Check => ({
      id: `tls-no-${slug(name)}`,
      group: 'tls',
      control: 'TLS-1',
      expected: `${name}: refused`,
      remedy:
        'Set minVersion TLSv1.2, the Mozilla intermediate ciphers, and the curves X25519, P-256 and P-384.',
      async run({ target }) {
        const failure = await handshake(target, options);
        return { ok: failure !== null, observed: failure === null ? 'accepted' : 'refused' };
      },
    }),
  ),
  ...Object.entries(accepted).map(
    ([name, options]): Check => ({
      id: `tls-${slug(name)}`,
      group: 'tls',
      control: 'TLS-1',
      expected: `${name}: accepted, the certificate verified`,
      remedy: 'Serve TLS 1.2 and 1.3 with a certificate of the authority that clients trust.',
      async run({ target }) {
        const failure = await handshake(target, options);
        return { ok: failure === null, observed: failure ?? 'accepted' };
      },
    }),
  ),
  {
    id: 'tls-certificate',
    group: 'tls',
    control: 'TLS-2',
    expected:
      'a verified certificate that names the host, is valid for at most 398 days, and has an elliptic or 2048-bit key and a SHA-2 signature',
    remedy: 'Issue a short-lived certificate that names the host.',
    async run({ target }) {
      const certificate = await peerCertificate(target);
      const { subjectAltName = '', publicKey, signatureAlgorithm = '' } = certificate;
      const { modulusLength = 2048 } = publicKey.asymmetricKeyDetails ?? {};
      const days = Math.round(lifeMs(certificate) / dayMs);
      return verdict(
        [
          ...(subjectAltName === '' ? ['names no host'] : []),
          ...(days <= 398 ? [] : [`valid for ${days} days`]),
          ...(modulusLength >= 2048 ? [] : [`a key of ${modulusLength} bits`]),
          ...(/sha1|md5/i.test(signatureAlgorithm) ? [`signed with ${signatureAlgorithm}`] : []),
        ],
        `valid for ${days} days`,
      );
    },
  },
  {
    id: 'tls-expiry',
    group: 'tls',
    control: 'TLS-2',
    expected: 'at least 30 days, or a third of a shorter life, until the certificate ends',
    remedy: 'Renew the certificate now; cert-manager renews after two thirds of its life.',
    async run({ target }) {
      const certificate = await peerCertificate(target);
      const life = lifeMs(certificate);
      const left = Date.parse(certificate.validTo) - Date.now();
      return {
        ok: left >= Math.min(30 * dayMs, life / 3),
        observed: `${Math.floor(left / dayMs)} of ${Math.round(life / dayMs)} days left`,
      };
    },
  },
  {
    id: 'tls-port-not-plain',
    group: 'tls',
    control: 'TLS-3',
    expected: 'plain HTTP on the TLS port gets no answer with data',
    remedy: 'Close connections that do not start with a handshake.',
    async run({ target }) {
      const text = await plainAnswer({ ...target, tls: false });
      const leaks = /^HTTP\/1\.1 [23]/.test(text);
      return { ok: !leaks, observed: leaks ? `answered ${text.slice(9, 12)} in the clear` : 'no data' };
    },
  },
  {
    id: 'tls-plain-refuses',
    group: 'tls',
    control: 'TLS-3',
    expected: '403 on every path of the plain listener: no data, no redirect',
    remedy: 'Answer 403 with a problem document, or close the plain listener.',
    needs: ['plain'],
    async run({ plain }) {
      if (!plain) throw new CouldNotCheck('no plain listener');
      const wrong: string[] = [];
      for (const path of [
        ...['/', '/health', '/metrics', '/api/v1/cases', '/api/v1/auth/login', '/.well-known/jwks.json'],
        `/${randomBytes(4).toString('hex')}`,
      ])
        for (const method of ['GET', 'POST', 'OPTIONS']) {
          const headers = { authorization: 'Bearer x' };
          const { status, headers: sent } = await send(plain, { method, path, headers });
          if (status !== 403 || sent.has('location')) wrong.push(`${method} ${path}: ${status}`);
        }
      return verdict(wrong, '403 everywhere');
    },
  },
  {
    id: 'tls-port-80',
    group: 'tls',
    control: 'TLS-3',
    expected: 'port 80 of the host serves nothing of the API',
    remedy: 'Close port 80, or answer 403.',
    async run({ target }): Promise<Outcome> {
      const at = target.at ? { at: { ...target.at, port: 80 } } : {};
      const text = await plainAnswer({ ...target, port: 80, tls: false, ...at });
      const status = /^HTTP\/1\.\d (\d+)/.exec(text)?.[1];
      return { ok: !status || /^[45]/.test(status), observed: status ? `answered ${status}` : 'closed' };
    },
  },
];

/** The server's answer to plain HTTP; the empty text when it has none. */
async function plainAnswer(target: Target): Promise<string> {
  try {
    const socket = await open(target);
    const request = `GET / HTTP/1.1\r\nHost: ${target.host}\r\nConnection: close\r\n\r\n`;
    return await exchange(socket, request, 3_000);
  } catch {
    return '';
  }
}

/** Null after a handshake, else why it failed. An offer that this machine cannot make proves nothing. */
async function handshake(target: Target, options: ConnectionOptions): Promise<string | null> {
  try {
    const socket = await open({ ...target, tls: true }, options);
    socket.destroy();
    return null;
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (/NO_PROTOCOLS_AVAILABLE|NO_CIPHERS_AVAILABLE|NO_CIPHER_MATCH|ECONNREFUSED|ENOTFOUND/.test(code))
      throw new CouldNotCheck(`this machine cannot make that offer (${code})`);
    return message;
  }
}

async function peerCertificate(target: Target): Promise<X509Certificate> {
  const socket = (await open({ ...target, tls: true })) as TLSSocket;
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return new X509Certificate(raw);
}

function lifeMs({ validFrom, validTo }: X509Certificate): number {
  return Date.parse(validTo) - Date.parse(validFrom);
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
