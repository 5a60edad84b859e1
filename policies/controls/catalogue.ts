import { platformControls } from './platform.ts';
import { serviceControls } from './service.ts';

/** How much harm a violation does; the pack hands it to Pulumi, SARIF maps it to error, warning and note. */
export type Severity = 'low' | 'medium' | 'high' | 'critical';

/** One line of the security checklist. Policy rules and live checks name the control that they prove. */
export interface Control {
  readonly severity: Severity;
  /** The state that must hold, in one sentence. */
  readonly title: string;
  /** The damage when it does not hold. */
  readonly why: string;
  /** Ids in ASVS 5.0, OWASP API Top 10 2023, CIS Kubernetes 1.12, Kubescape, NSA/CISA, RFCs. */
  readonly references: readonly string[];
  /** Files that implement it. */
  readonly code?: readonly string[];
  /** Files of tests that fail without it. */
  readonly tests?: readonly string[];
  /** The cluster's operator is responsible: listed for completeness, never counted as passed. */
  readonly operator?: true;
}

const all = { ...serviceControls, ...platformControls };

/** Family and number, for example `HDR-1`; never reused. */
export type ControlId = keyof typeof all;

/** The security checklist by id. */
export const controls: Readonly<Record<ControlId, Control>> = all;
