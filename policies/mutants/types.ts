/** A control broken on purpose, and what came of it. */
export interface Mutant {
  /** Unique; `layer: what is broken`. */
  readonly name: string;
  /** The control of the catalogue that it breaks. */
  readonly control: string;
  /** Breaks it, looks, and says what turned red; null when nothing did. */
  kill(): Promise<string | null>;
}

export interface Verdict {
  readonly mutant: Mutant;
  /** What turned red; null: it survived. */
  readonly killedBy: string | null;
}
