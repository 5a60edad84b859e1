/** The acceptance list: what must hold, by number, and how it is shown. */
export interface Point {
  readonly number: number;
  readonly claim: string;
  /** Tests of `npm test`: file and a part of the test's name. */
  readonly tests?: readonly (readonly [file: string, name: string])[];
  /** What an independent tool said, kept in `docs/evidence/`. */
  readonly evidence?: readonly string[];
  /** Shown by a command outside `npm test`, and why it is outside. */
  readonly elsewhere?: { readonly command: string; readonly why: string };
}

const verify = 'policies/verify/verify.test.ts';
const matrix = 'policies/proofs/matrix.test.ts';
const canary = 'policies/proofs/canary.test.ts';
const proof = 'policies/proofs/service.test.ts';
const rules = 'policies/rules/rules.test.ts';
const mutants = 'policies/mutants/mutants.test.ts';
const auth = 'app/src/auth/routes.test.ts';
const api = 'app/src/http/api.test.ts';
const slow = 'app/src/http/slow.test.ts';
const faults = 'app/src/limiter/faults.test.ts';
const oracle = 'app/src/limiter/oracle.test.ts';
const units = 'app/src/limiter/units.test.ts';
const held = 'the real service holds every check';
const lab = 'needs a cluster: pods, a network plug-in that enforces, an edge';

export const points: readonly Point[] = [
  {
    number: 1,
    claim: 'Every answer of the raw sweep has the security headers',
    tests: [[verify, held]],
    evidence: ['cluster-dev'],
    elsewhere: {
      command: 'test:cluster',
      why: `the edge’s own answers: ${lab}; raw 400 and 431 of a Go-based edge cannot carry them`,
    },
  },
  { number: 2, claim: 'MDN Observatory 130 or more, 10 of 10', evidence: ['mdn-observatory'] },
  {
    number: 3,
    claim: 'sslyze: Mozilla intermediate on the listeners, Redis too',
    tests: [[verify, held]],
    evidence: ['sslyze'],
    elsewhere: {
      command: 'security-verify',
      why: 'modern forbids TLS 1.2, which is served on purpose; every other demand of it is checked',
    },
  },
  {
    number: 4,
    claim: 'Plain HTTP never returns data nor a silent redirect',
    tests: [['app/src/http/framing.test.ts', 'plain HTTP serves nothing']],
  },
  {
    number: 5,
    claim: 'HSTS on TLS, absent on the plain port',
    tests: [
      ['app/src/http/framing.test.ts', 'does not claim HSTS'],
      [verify, held],
    ],
  },
  {
    number: 6,
    claim: 'CSP evaluator: no finding; there is no page that would need a nonce',
    evidence: ['csp-evaluator'],
  },
  {
    number: 7,
    claim: 'No Server, version or stack anywhere',
    tests: [
      [verify, held],
      ['app/src/telemetry/telemetry.test.ts', 'an unexpected error is logged by its place'],
    ],
  },
  {
    number: 8,
    claim: 'A certificate with less than 30 days (or a third of its life) left makes security-verify exit 1',
    tests: [['policies/verify/expiry.test.ts', 'is found out']],
  },
  {
    number: 9,
    claim: 'Sixty forged tokens and more: all 401, never 5xx',
    tests: [
      [verify, 'tokens with wrong claims are refused even when the signature is right'],
      [verify, held],
    ],
  },
  {
    number: 10,
    claim: 'Access token of ten minutes with iss, aud, sub, jti, typ and kid',
    tests: [[verify, held]],
  },
  {
    number: 11,
    claim: 'Key rotation under load: no 401',
    tests: [
      ['app/src/service.test.ts', 'a signing key is rotated by its file without refusing a single token'],
    ],
  },
  {
    number: 12,
    claim: 'Logout, disabling and role change with the next request on every replica',
    tests: [
      [auth, 'logout ends the session on every replica'],
      [proof, 'a disabled account and a changed role'],
    ],
  },
  {
    number: 13,
    claim: '50 parallel refreshes: one successor, nobody signed out',
    tests: [['app/src/auth/refresh.test.ts', 'fifty at once give one successor']],
  },
  {
    number: 14,
    claim: 'Reuse after the grace window revokes the family, with event and metric',
    tests: [['app/src/auth/refresh.test.ts', 'a token used again later ends the session everywhere']],
  },
  {
    number: 15,
    claim: 'Refresh tokens random and hashed at rest',
    tests: [
      ['app/src/auth/refresh.test.ts', 'tokens are at rest as hashes only'],
      [canary, 'no usable token on disk'],
    ],
  },
  {
    number: 16,
    claim: 'Unknown and known user: same body, same time',
    tests: [
      ['app/src/auth/login.test.ts', 'a wrong password, an unknown account'],
      ['app/src/auth/login.test.ts', 'the time of a refusal does not tell'],
    ],
  },
  {
    number: 17,
    claim: 'A login flood is refused beyond the queue; other routes go on',
    tests: [['app/src/auth/login.test.ts', 'a flood of logins is refused beyond the queue']],
    evidence: ['flood'],
  },
  {
    number: 18,
    claim: 'Long and Unicode passwords accepted, beyond the cap refused before hashing',
    tests: [['app/src/auth/login.test.ts', 'passwords may be long and of any script']],
  },
  {
    number: 19,
    claim: 'Spray and stuffing throttled; the victim can still log in',
    tests: [
      ['app/src/auth/login.test.ts', 'guessing from one place waits longer and longer'],
      [verify, held],
    ],
  },
  {
    number: 20,
    claim: 'Cross-site variants refused; Bearer routes ignore cookies',
    tests: [
      [verify, held],
      ['app/src/auth/cookie.test.ts', 'no other route reads it'],
    ],
  },
  {
    number: 21,
    claim: 'No boot without keys or with weak ones',
    tests: [
      ['app/src/settings/settings.test.ts', 'are all reported at once when they are missing'],
      ['app/src/main.test.ts', 'exits with 78'],
    ],
  },
  {
    number: 22,
    claim: 'No boot when a route lacks an access declaration',
    tests: [[proof, 'stops the boot']],
  },
  {
    number: 23,
    claim: 'Role × route × verb complete, HEAD and OPTIONS included',
    tests: [[matrix, 'role × route × verb']],
  },
  {
    number: 24,
    claim: 'Another user’s case: 404 for read, write, delete',
    tests: [[matrix, 'two users × every id route']],
  },
  { number: 25, claim: 'Mass assignment: 400', tests: [[matrix, 'mass assignment of %s']] },
  {
    number: 26,
    claim: 'Answers hold only the fields of the contract, whatever the store holds',
    tests: [
      [proof, 'what the store holds beyond the contract'],
      [matrix, 'answers hold the fields of the contract only'],
    ],
  },
  { number: 27, claim: 'schemathesis: all phases, no failure, no 5xx', evidence: ['schemathesis'] },
  {
    number: 28,
    claim: 'null, true and "3" for numbers: 400',
    tests: [[matrix, '%s for a number in a body']],
  },
  {
    number: 29,
    claim: 'Content-type matrix: 415',
    tests: [[matrix, 'content types × every route with a body']],
  },
  {
    number: 30,
    claim: 'Framing matrix: exactly one answer, 400 where the RFC says so',
    tests: [
      [matrix, 'framing: every ambiguous request'],
      ['app/src/http/framing.test.ts', 'one refusal, all headers, connection closed'],
    ],
  },
  {
    number: 31,
    claim: '405 and Allow for wrong verbs',
    tests: [
      [api, 'every path says which methods it has'],
      [matrix, 'role × route × verb'],
    ],
  },
  {
    number: 32,
    claim: 'Canaries: none in logs, metrics, spans, errors, rendered files, program',
    tests: [
      [canary, 'in the log'],
      [canary, 'none in the spans'],
      ['infra/program.test.ts', 'keeps secrets in Secrets'],
      ['infra/render.test.ts', 'with markers for secrets'],
    ],
    elsewhere: { command: 'test:engine', why: 'state and previews of a real engine: needs one' },
  },
  { number: 33, claim: 'Every pattern passes recheck', evidence: ['recheck'] },
  {
    number: 34,
    claim: 'Exactly the quota of concurrent requests over replicas',
    tests: [
      ['app/src/limiter/faults.test.ts', 'with 50 requests in flight each admit exactly'],
      [verify, held],
    ],
    elsewhere: { command: 'loadtest', why: 'k6 against the stack, with its own count' },
  },
  { number: 35, claim: 'One user exhausted, another of the same address untouched', tests: [[verify, held]] },
  {
    number: 36,
    claim: 'No disguise gives extra budget; 404 and bad-URL floods count',
    tests: [
      [verify, held],
      [api, 'count against the limits'],
      ['app/src/http/framing.test.ts', 'broken request lines count against'],
    ],
  },
  {
    number: 37,
    claim: 'An IPv6 /64 is one client, IPv4-mapped is IPv4',
    tests: [[units, 'an account and an address of the same name are three']],
    elsewhere: { command: 'mutants:limiter', why: 'the folding of addresses is broken on purpose there' },
  },
  {
    number: 38,
    claim: 'Faults of the store: bounds hold',
    tests: [
      [faults, 'so that an outage does not double the quota'],
      [faults, 'survives SCRIPT FLUSH and FLUSHALL'],
      [faults, 'delays beyond the deadline'],
    ],
  },
  {
    number: 39,
    claim: 'No key without TTL; a hostile user id cannot collide',
    tests: [
      ['app/src/limiter/limiter.test.ts', 'leaves no key without a TTL'],
      [units, 'no user can name the window of another'],
    ],
  },
  {
    number: 40,
    claim: '429 tells a true wait',
    tests: [
      [units, 'so that who keeps to them is admitted'],
      [oracle, 'says the wait to the millisecond'],
    ],
  },
  {
    number: 41,
    claim: 'SIGTERM under keep-alive load: nothing lost',
    tests: [['app/src/main.test.ts', 'ends on SIGTERM without losing a request']],
  },
  {
    number: 42,
    claim: 'Rolling restart at a fixed rate: only 2xx',
    evidence: ['cluster-dev'],
    elsewhere: { command: 'test:cluster', why: lab },
  },
  {
    number: 43,
    claim: 'Redis dead: replicas stay ready, recover by themselves',
    tests: [[proof, 'Redis away: the replicas stay ready']],
  },
  {
    number: 44,
    claim: 'Slow header, body and reader cut; idle and half-open sockets too',
    tests: [
      [slow, 'slow senders are cut with 408'],
      [slow, 'a reader that takes its answer byte by byte is cut'],
      [proof, 'never begins its handshake is closed'],
    ],
    evidence: ['flood'],
  },
  {
    number: 45,
    claim: 'A collector that is down costs no request',
    tests: [['app/src/telemetry/tracing.test.ts', 'a collector that is down costs spans']],
  },
  {
    number: 46,
    claim: 'A blocked event loop sheds with 503 and recovers',
    tests: [[slow, 'an event loop that cannot keep up sheds load']],
  },
  {
    number: 47,
    claim: 'Redis failover: five seconds of degradation, no restart',
    evidence: ['cluster-dev-sentinel'],
    elsewhere: { command: 'test:cluster', why: `Sentinel: ${lab}` },
  },
  {
    number: 48,
    claim: 'Random URLs add no metric series',
    tests: [[api, 'routes are labels by their template']],
  },
  {
    number: 49,
    claim: 'Pod Security Standard restricted for all pods',
    tests: [
      [rules, ' reports: '],
      ['policies/program.test.ts', 'breaks no mandatory rule'],
    ],
    evidence: ['cluster-dev'],
    elsewhere: { command: 'test:cluster', why: 'the API server of a cluster evaluates and enforces it' },
  },
  {
    number: 50,
    claim: 'checkov and kube-score: no finding without a reason',
    evidence: ['checkov', 'kube-score', 'kubeconform', 'crd-schemas', 'pod-security'],
  },
  {
    number: 51,
    claim: 'Each rule has a passing, a failing and an unknown fixture',
    tests: [
      [rules, 'the compliant stack breaks no rule'],
      [rules, 'an unknown value is a violation'],
    ],
  },
  {
    number: 52,
    claim: 'Connectivity matrix holds statically',
    tests: [['infra/network/network.test.ts', 'every other pair is denied']],
    evidence: ['cluster-dev'],
    elsewhere: { command: 'test:cluster', why: `live: ${lab}` },
  },
  {
    number: 53,
    claim: 'Metrics, Redis, Prometheus and Grafana unreachable from the public side',
    tests: [
      [verify, held],
      [rules, ' reports: '],
    ],
  },
  {
    number: 54,
    claim: 'Redis: TLS only, least users, protected mode, default user off',
    tests: [
      [auth, 'Redis lets the two roles touch nothing but their own keys'],
      ['policies/program.test.ts', 'breaks no mandatory rule'],
    ],
  },
  {
    number: 55,
    claim: 'No case text in RDB or AOF',
    tests: [[canary, 'no case text and no usable token on disk']],
  },
  {
    number: 56,
    claim: 'A second pulumi up has no change; secrets rotate without downtime',
    tests: [['infra/program.test.ts', 'a rotated Redis password changes Secrets']],
    elsewhere: { command: 'test:engine', why: 'with --cluster: needs an engine and a cluster' },
  },
  {
    number: 57,
    claim: 'security-verify red for each of 30 mutants and more, green on the service, within a minute',
    tests: [
      [mutants, 'every proven control is broken at least once'],
      [verify, 'within the minute that it may take'],
    ],
    elsewhere: { command: 'mutants:security', why: 'all of them take minutes' },
  },
  {
    number: 58,
    claim: 'Lockfile above the advisory floor, SBOM, pinned actions',
    tests: [
      ['policies/supply-chain.test.ts', 'the floor test can fail'],
      ['policies/supply-chain.test.ts', 'bill of materials'],
      ['policies/supply-chain.test.ts', 'pinned by its commit'],
    ],
    evidence: ['zizmor', 'actionlint', 'detect-secrets'],
  },
];
