import { randomBytes } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { exchange, open, send, type Target } from '../client.ts';
import type { Check, Outcome } from '../types.ts';
import { CouldNotCheck } from '../types.ts';

/** TLS of the public listener by handshakes that must succeed and handshakes that must not. */

const references = ['ASVS 12.1.1', 'ASVS 12.1.2', 'ASVS 12.2.1', 'ASVS 12.2.2', 'Mozilla intermediate'];
/** OpenSSL itself refuses what is broken unless told otherwise. */
const lax = { rejectUnauthorized: false, ciphers: 'ALL:@SECLEVEL=0' } as const;

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
    ([what, options]): Check => ({
      id: `tls-no-${slug(what)}`,
      group: 'tls',
      expected: `${what}: refused`,
      remedy:
        'Set minVersion TLSv1.2, the Mozilla intermediate ciphers, and the curves X25519, P-256 and P-384.',
      references,
      async run({ target }) {
        const failure = await handshake(target, options);
        return { ok: failure !== null, observed: failure === null ? 'accepted' : 'refused' };
      },
    }),
  ),
  ...Object.entries(accepted).map(
    ([what, options]): Check => ({
      id: `tls-${slug(what)}`,
      group: 'tls',
      expected: `${what}: accepted, the certificate verified`,
      remedy: 'Serve TLS 1.2 and 1.3 with a certificate of the authority that clients know.',
      references,
      async run({ target }) {
        const failure = await handshake(target, options);
        return { ok: failure === null, observed: failure ?? 'accepted' };
      },
    }),
  ),
  {
    id: 'tls-certificate',
    group: 'tls',
    expected: 'a certificate for the host, verified, at most 398 days long, with an elliptic or 2048-bit key',
    remedy: 'Issue a short-lived certificate that names the host.',
    references,
    async run({ target }) {
      const { subjectaltname = '', valid_from, valid_to, bits, asn1Curve } = await certificate(target);
      const days = (Date.parse(valid_to) - Date.parse(valid_from)) / 86_400_000;
      const strong = asn1Curve !== undefined || bits === undefined || bits >= 2048;
      const wrong = [
        ...(subjectaltname === '' ? ['names no host'] : []),
        ...(days <= 398 ? [] : [`valid for ${Math.round(days)} days`]),
        ...(strong ? [] : [`a key of ${bits} bits`]),
      ];
      return { ok: wrong.length === 0, observed: wrong.join(', ') || `valid for ${Math.round(days)} days` };
    },
  },
  {
    id: 'tls-expiry',
    group: 'tls',
    expected: 'at least 30 days, or a third of a shorter life, until the certificate ends',
    remedy: 'Renew the certificate now; cert-manager renews after two thirds of its life.',
    references: [...references, 'ASVS 12.2.2'],
    async run({ target }) {
      const { valid_from, valid_to } = await certificate(target);
      const life = (Date.parse(valid_to) - Date.parse(valid_from)) / 86_400_000;
      const left = (Date.parse(valid_to) - Date.now()) / 86_400_000;
      return {
        ok: left >= Math.min(30, life / 3),
        observed: `${Math.floor(left)} of ${Math.round(life)} days left`,
      };
    },
  },
  {
    id: 'tls-port-not-plain',
    group: 'tls',
    expected: 'plain HTTP on the TLS port brings no answer with data',
    remedy: 'Close connections that do not start with a handshake.',
    references: ['ASVS 12.2.1', 'ASVS 4.1.2'],
    async run({ target }) {
      const text = await plainAnswer({ ...target, tls: false });
      const leaks = /^HTTP\/1\.1 2/.test(text);
      return { ok: !leaks, observed: leaks ? 'answered 200 in the clear' : 'no data' };
    },
  },
  {
    id: 'tls-plain-refuses',
    group: 'tls',
    expected: '403 on every path of the plain listener: no data, no redirect',
    remedy: 'Answer 403 with a problem document, or close the plain listener.',
    references: ['ASVS 4.1.2', 'ASVS 12.2.1', 'API8'],
    needs: ['plain'],
    async run({ plain }) {
      if (!plain) throw new CouldNotCheck('no plain listener');
      const seen: string[] = [];
      for (const path of [
        '/',
        '/health',
        '/api/v1/cases',
        '/api/v1/auth/login',
        `/${randomBytes(4).toString('hex')}`,
      ])
        for (const method of ['GET', 'POST']) {
          const { status, headers } = await send(plain, {
            method,
            path,
            headers: { authorization: 'Bearer x' },
          });
          if (status !== 403 || headers.has('location')) seen.push(`${method} ${path}: ${status}`);
        }
      return { ok: seen.length === 0, observed: seen.length === 0 ? '403 everywhere' : seen.join(', ') };
    },
  },
  {
    id: 'tls-port-80',
    group: 'tls',
    expected: 'port 80 of the host serves nothing of the API',
    remedy: 'Close port 80, or answer 403.',
    references: ['ASVS 4.1.2', 'ASVS 12.2.1'],
    async run({ target }): Promise<Outcome> {
      const at = target.at ? { at: { ...target.at, port: 80 } } : {};
      const text = await plainAnswer({ ...target, port: 80, tls: false, ...at });
      const status = /^HTTP\/1\.\d (\d+)/.exec(text)?.[1];
      return { ok: !status || /^[45]/.test(status), observed: status ? `answered ${status}` : 'closed' };
    },
  },
];

/** What the server says to plain HTTP; the empty text when it does not. */
async function plainAnswer(target: Target): Promise<string> {
  try {
    const socket = await open(target);
    return await exchange(
      socket,
      `GET / HTTP/1.1\r\nHost: ${target.host}\r\nConnection: close\r\n\r\n`,
      3_000,
    );
  } catch {
    return '';
  }
}

/** Null after a handshake, else why there was none. That this machine cannot offer it is no refusal. */
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

async function certificate(target: Target) {
  const socket = (await open({ ...target, tls: true })) as TLSSocket;
  const found = socket.getPeerCertificate();
  socket.destroy();
  return found;
}

function slug(text: string): string {
  return text.toLowerCase().replace(/[^a-z0-9]+/g, '-');
}
