import type { Severity } from '../engine/types.ts';
import type { RuleName } from '../rules/index.ts';

/** A place in the service's code that holds the control: the file, and a text that must stand in it. */
export interface Guard {
  readonly file: string;
  readonly text: string;
}

/** A test: the file, and a part of the test's name. */
export interface TestRef {
  readonly file: string;
  readonly name: string;
}

/** What a control claims for its proof. A claim that does not exist fails the build. */
export interface Proofs {
  /** The service's code does it. */
  readonly guards?: readonly Guard[];
  /** The policy pack demands it before anything is created. */
  readonly rules?: readonly RuleName[];
  /** `npm run security-verify` sees it on what runs, by the check's id. */
  readonly live?: readonly string[];
  /** A test shows it, and can fail. */
  readonly tests?: readonly TestRef[];
}

/** One line of the security checklist. */
export interface Control {
  /** Family and number, for example `HDR-1`; never reused. */
  readonly id: string;
  /** What holds, in a sentence. */
  readonly title: string;
  /** What happens otherwise. */
  readonly why: string;
  readonly severity: Severity;
  /** Ids in ASVS 5.0, OWASP API Top 10 2023, CIS Kubernetes 1.12, Kubescape, NSA/CISA, RFCs. */
  readonly references: readonly string[];
  /**
   * `proven`: it claims proofs. `operator`: the cluster's or the company's operator holds it; listed so that nobody
   * takes it for done, and never counted as passed.
   */
  readonly holder: 'proven' | 'operator';
  readonly proofs: Proofs;
}
