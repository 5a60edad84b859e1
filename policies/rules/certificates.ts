import { isKind, spec } from '../engine/kubernetes.ts';
import { resourceRule } from '../engine/rule.ts';

/** Certificates: who signs them, and that they are renewed. */

export const certificateRules = [
  resourceRule({
    name: 'certificate-renewed-in-time',
    control: 'TLS-2',
    title: 'Certificates are short-lived, renewed well before they end, and with a new key',
    why: 'A certificate that nobody renews is an outage with a date.',
    severity: 'medium',
    remediation:
      'Set duration ≤ 2160h, renewBefore ≥ 240h and below duration, privateKey.rotationPolicy: Always.',
    references: ['ASVS 12.2.2', 'Mozilla modern'],
    applies: (resource) => isKind(resource, 'Certificate'),
    *check(resource) {
      const {
        duration = '2160h',
        renewBefore = '720h',
        privateKey,
      } = spec<{
        duration?: string;
        renewBefore?: string;
        privateKey?: { rotationPolicy?: string };
      }>(resource);
      const [life, renew] = [hours(duration), hours(renewBefore)];
      if (!(life <= 90 * 24)) yield `duration is ${duration}`;
      if (!(renew >= 240 && renew < life)) yield `renewBefore is ${renewBefore} of ${duration}`;
      if (privateKey?.rotationPolicy !== 'Always') yield 'privateKey.rotationPolicy is not Always';
    },
  }),
  resourceRule({
    name: 'no-generated-issuer',
    control: 'TLS-2',
    title: 'Production certificates come from an authority, not from the program',
    why: 'The private key of a generated authority lies in the state of the stack.',
    severity: 'high',
    remediation: 'Set tls.issuer: cert-manager.',
    references: ['ASVS 12.2.2', 'ASVS 13.3.1'],
    levels: { local: 'disabled', dev: 'disabled', staging: 'advisory' },
    applies: ({ type }) => type.startsWith('tls:index/'),
    *check(resource) {
      if (/selfSignedCert|locallySignedCert/i.test(resource.type))
        yield 'is a certificate that the program signs';
    },
  }),
] as const;

function hours(duration: string): number {
  const [, h = '0', m = '0'] = /^(?:(\d+)h)?(?:(\d+)m)?/.exec(duration) ?? [];
  return Number(h) + Number(m) / 60;
}
