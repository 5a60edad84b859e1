import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { execFile } from '../../infra/programs/child-process.ts';
import type { Mutant } from './types.ts';

/** A line of the service's source, broken: what is replaced, and the proofs of which one must turn red. */
interface Patch {
  readonly control: string;
  readonly file: string;
  readonly from: string | RegExp;
  readonly to: string;
  readonly proofs: readonly string[];
}

const root = fileURLToPath(new URL('../..', import.meta.url));

export const patches: Readonly<Record<string, Patch>> = {
  'no header hook': {
    control: 'HDR-1',
    file: 'app/http/listener.ts',
    // The second of two: the first is for request lines that are broken.
    from: /(reply\.headers\(headers\)[\s\S]*?)reply\.headers\(headers\)/,
    to: '$1reply',
    proofs: ['headers-ok', 'headers-not-found'],
  },
  'broken request lines without headers': {
    control: 'HDR-1',
    file: 'app/http/listener.ts',
    from: 'reply.headers(headers).header(',
    to: 'reply.header(',
    proofs: ['headers-bad-url'],
  },
  'raw errors without headers': {
    control: 'HDR-1',
    file: 'app/http/errors.ts',
    from: '...securityHeaders(tls),',
    to: '',
    proofs: ['headers-bad-framing', 'headers-large-header'],
  },
  'curve P-521 offered': {
    control: 'TLS-1',
    file: 'app/settings/certificate.ts',
    from: "'X25519:P-256:P-384'",
    to: "'X25519:secp521r1:P-256'",
    proofs: ['tls-no-curve-p-521'],
  },
  'TLS 1.1 offered': {
    control: 'TLS-1',
    file: 'app/settings/certificate.ts',
    from: /minVersion: 'TLSv1\.2',[\s\S]*?ciphers: \[/,
    to: "minVersion: 'TLSv1.1', maxVersion: 'TLSv1.3', ecdhCurve: 'X25519:P-256:P-384', ciphers: ['ALL:@SECLEVEL=0',",
    proofs: ['tls-no-tls-1-1'],
  },
  'token type not checked': {
    control: 'AUT-1',
    file: 'app/auth/tokens.ts',
    from: /typ: 'at\+jwt',\n([\s\S]*?)protectedHeader\.typ !== 'at\+jwt' \|\|/,
    to: '$1',
    proofs: ['own-key-forgeries'],
  },
  'audience not checked': {
    control: 'AUT-1',
    file: 'app/auth/tokens.ts',
    from: /(issuer,\n\s*)audience,\n([\s\S]*?)aud !== audience \|\|/,
    to: '$1$2',
    proofs: ['own-key-forgeries'],
  },
  'issuer not checked': {
    control: 'AUT-1',
    file: 'app/auth/tokens.ts',
    from: /(algorithms: \['EdDSA'\],\n\s*)issuer,/,
    to: '$1',
    proofs: ['own-key-forgeries'],
  },
  'claims not required': {
    control: 'AUT-1',
    file: 'app/auth/tokens.ts',
    from: /requiredClaims: [^\n]*\n([\s\S]*?)typeof jti !== 'string' \|\|\n\s*jti\.length > 64 \|\|/,
    to: '$1',
    proofs: ['own-key-forgeries'],
  },
  'life not bounded': {
    control: 'AUT-2',
    file: 'app/auth/tokens.ts',
    from: /maxTokenAge: accessTokenSeconds,([\s\S]*?)exp - iat > accessTokenSeconds \|\|/,
    to: '$1',
    proofs: ['own-key-forgeries'],
  },
  'tokens of a day': {
    control: 'AUT-2',
    file: 'app/auth/tokens.ts',
    from: 'accessTokenSeconds = 600',
    to: 'accessTokenSeconds = 86_400',
    proofs: ['auth-token-claims'],
  },
  'sessions not asked': {
    control: 'AUT-3',
    file: 'app/auth/authorise.ts',
    from: '!live ||',
    to: '',
    proofs: ['auth-logout-revokes'],
  },
  'no grace for races': {
    control: 'AUT-3',
    file: 'app/auth/sessions.ts',
    from: 'grace = 10',
    to: 'grace = -1',
    proofs: ['refresh-races'],
  },
  'unknown accounts told': {
    control: 'AUT-4',
    file: 'app/auth/routes.ts',
    from: /(const user = await users\.findByEmail\(email\);)/,
    to: "$1 if (!user) throw new Problem(404, 'Not Found');",
    proofs: ['auth-login-uniform'],
  },
  'login limit of a thousand': {
    control: 'AUT-5',
    file: 'contract/policies.ts',
    from: "'login', 'account', 10,",
    to: "'login', 'account', 1_000,",
    proofs: ['auth-login-throttled'],
  },
  'no CSRF proof': {
    control: 'AUT-6',
    file: 'app/auth/csrf.ts',
    from: 'if (site !== undefined',
    to: 'if (1) return undefined; if (site !== undefined',
    proofs: ['origins-csrf', 'origins-csrf-keeps-session'],
  },
  'every origin allowed': {
    control: 'AUT-7',
    file: 'app/http/cors.ts',
    from: /if \(known\.size === 0\) return \(\) => \(\{\}\);([\s\S]*?)\|\| !known\.has\(origin\)/,
    to: '$1',
    proofs: ['origins-cors'],
  },
  'roles not checked': {
    control: 'ACC-1',
    file: 'app/auth/authorise.ts',
    from: 'if (!access.includes(standing.role))',
    to: 'if (!access)',
    proofs: ['rbac-roles'],
  },
  'nobody let in everywhere': {
    control: 'ACC-1',
    file: 'app/auth/authorise.ts',
    from: "if (access === 'public' || request.is404) return;",
    to: "if (access === 'public' || request.is404 || request.identity === null) return;",
    proofs: ['rbac-anonymous'],
  },
  'owners not checked': {
    control: 'ACC-2',
    file: 'app/cases/routes.ts',
    from: "role === 'admin' ? cases.ownerOf(id) : userId",
    to: "role === 'none' ? userId : cases.ownerOf(id)",
    proofs: ['rbac-other-owner'],
  },
  'unknown fields dropped': {
    control: 'ACC-3',
    file: 'app/http/listener.ts',
    from: 'removeAdditional: false',
    to: 'removeAdditional: true',
    proofs: ['rbac-mass-assignment', 'auth-login-strict'],
  },
  'other methods are 404': {
    control: 'ACC-4',
    file: 'app/api.ts',
    from: 'refuseTheRest();',
    to: '',
    proofs: ['rbac-methods'],
  },
  'framing not checked': {
    control: 'INP-1',
    file: 'app/http/listener.ts',
    from: 'assertFraming(request);',
    to: '',
    proofs: ['leakage-framing'],
  },
  'text bodies taken': {
    control: 'INP-2',
    file: 'app/http/listener.ts',
    from: "app.removeContentTypeParser('text/plain');",
    to: '',
    proofs: ['leakage-content-types'],
  },
  'errors with their message': {
    control: 'INP-3',
    file: 'app/http/errors.ts',
    from: 'instance: request.id }',
    to: 'instance: request.id, path: request.url }',
    proofs: ['leakage-no-echo'],
  },
  'limiter not asked': {
    control: 'LIM-1',
    file: 'limiter/fastify.ts',
    from: "return decision.outcome === 'allow' ? undefined : refusal(decision);",
    to: 'return undefined;',
    proofs: ['limiter-exact'],
  },
  'limits by address only': {
    control: 'LIM-2',
    file: 'limiter/keys.ts',
    from: 'return this.userKey(policy, subject.userId, subject.operation);',
    to: 'return this.#address(policy, subject);',
    proofs: ['limiter-isolation'],
  },
  'case text in plain': {
    control: 'RST-1',
    file: 'app/cases/crypto.ts',
    from: /const iv = randomBytes\(ivBytes\);/,
    to: 'if (text) return [version, active, text].join("."); const iv = randomBytes(ivBytes);',
    proofs: ['disk-canary'],
  },
  'URLs in the log': {
    control: 'INP-3',
    file: 'app/http/listener.ts',
    from: 'assertFraming(request);',
    to: 'assertFraming(request); request.log.info({ url: request.url }, "request");',
    proofs: ['log-canary'],
  },
};

/** Mutants of the service's own source: a copy of it with one line broken, run in a process of its own. */
export function patchMutants(): readonly Mutant[] {
  return Object.entries(patches).map(([name, patch]) => ({
    name: `source: ${name}`,
    control: patch.control,
    kill: () => kill(patch),
  }));
}

async function kill({ file, from, to, proofs }: Patch): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), 'security-mutant-'));
  try {
    copyService(folder);
    const path = join(folder, file);
    const source = readFileSync(path, 'utf8');
    const broken = source.replace(from, to);
    if (broken === source)
      throw new Error(`${file} does not hold what the mutant breaks: ${String(from).slice(0, 80)}`);
    writeFileSync(path, broken);
    const child = join(root, 'policies/mutants/child.ts');
    const { stdout } = await promisify(execFile)(process.execPath, [child, folder, ...proofs], {
      timeout: 60_000,
    });
    return (JSON.parse(stdout) as { red: string | null }).red;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What the service and its test helpers need, and links to the packages. */
function copyService(folder: string): void {
  const skip = (path: string): boolean => !path.includes('node_modules');
  cpSync(join(root, 'app'), join(folder, 'app'), { recursive: true, filter: skip });
  mkdirSync(join(folder, 'test'));
  cpSync(join(root, 'test/support'), join(folder, 'test/support'), { recursive: true });
  cpSync(join(root, 'package.json'), join(folder, 'package.json'));
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  symlinkSync(join(root, 'app/node_modules'), join(folder, 'app/node_modules'));
}
