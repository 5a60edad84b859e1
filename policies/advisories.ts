/**
 * Known weaknesses of packages that are used here, by the version that ends them. No vulnerability database is
 * needed to hold the line: a test compares the lockfile with this list, and a live corpus tries the classes of attack.
 */
export interface Advisory {
  readonly package: string;
  /** First version without the weakness. */
  readonly floor: string;
  readonly ids: readonly string[];
  readonly what: string;
}

export const advisories: readonly Advisory[] = [
  {
    package: 'fastify',
    floor: '5.12.1',
    ids: [
      'CVE-2025-32442',
      'CVE-2026-25223',
      'CVE-2026-25224',
      'CVE-2026-3419',
      'CVE-2026-3635',
      'CVE-2026-33806',
    ],
    what: 'validation passed by odd content types; forwarded headers and hop counts believed',
  },
  {
    package: '@fastify/proxy-addr',
    floor: '5.1.1',
    ids: ['CVE-2026-92395'],
    what: 'IPv4-mapped ranges trust every address',
  },
  {
    package: '@fastify/busboy',
    floor: '3.2.6',
    ids: ['CVE-2026-128842'],
    what: 'multipart parts without bound',
  },
  {
    package: '@fastify/reply-from',
    floor: '12.7.0',
    ids: ['CVE-2026-107318'],
    what: 'TLS of the upstream not verified',
  },
  {
    package: 'fast-jwt',
    floor: '6.2.0',
    ids: ['CVE-2026-35039', 'CVE-2026-34950', 'CVE-2023-48223'],
    what: 'algorithm confusion',
  },
];

/** Packages that have no place in what decides who may do what, and why. */
export const unwanted: readonly (readonly [name: string, why: string])[] = [
  ['@fastify/express', 'middleware paths and routes disagree about prefixes (CVE-2026-85184)'],
  ['@fastify/middie', 'middleware paths and routes disagree about prefixes (CVE-2026-112362)'],
  ['@fastify/jwt', 'answers 500 to many forged tokens'],
  ['jsonwebtoken', 'accepts every algorithm unless told otherwise'],
];
