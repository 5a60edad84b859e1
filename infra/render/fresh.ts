import { randomBytes } from 'node:crypto';
import { type Authority, createAuthority, openAuthority } from '../certificates/authority.ts';
import type { CertificateSpec } from '../kubernetes/manifest.ts';
import type { Settings } from '../settings/index.ts';
import type { Source } from './objects.ts';

/** Secret values by key, and issued certificates by name; kept beside what was rendered, so that a second run reuses them. */
export interface Fresh {
  readonly values: Record<string, string>;
  readonly certificates: Record<string, { crt: string; key: string; names: string }>;
}

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
  const authority = await authorityOf(settings, known);
  for (const spec of specs) await issue(settings, spec, known, authority);
  const value = (key: string): string => {
    known.values[key] ??= make(key, configured);
    return known.values[key];
  };
  return {
    content: ({ from, write }) => base64(write(...from.map(value))),
    authority: {
      certificate: authority.certificate,
      issue: ({ name }) => {
        const { crt, key } = known.certificates[name] as { crt: string; key: string };
        return { crt: base64(crt), key: base64(key), ca: base64(authority.certificate) };
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

async function authorityOf(settings: Settings, known: Fresh): Promise<Authority> {
  const stored = known.certificates.authority;
  if (stored) return openAuthority({ certificate: stored.crt, key: stored.key });
  const authority = await createAuthority(`${settings.namespace} generated authority`, 10 * 365 * 24);
  known.certificates.authority = { crt: authority.certificate, key: authority.key, names: '' };
  return authority;
}

async function issue(
  settings: Settings,
  { name, dnsNames }: CertificateSpec,
  known: Fresh,
  authority: Authority,
): Promise<void> {
  const names = dnsNames.join(',');
  if (known.certificates[name]?.names === names) return;
  const issued = await authority.issue({ names: dnsNames, validHours: settings.tls.durationHours });
  known.certificates[name] = { crt: issued.certificate, key: issued.key, names };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
