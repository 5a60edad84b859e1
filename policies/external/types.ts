/** What an independent tool is asked, and what it said. Types only. */

/** Where a tool comes from; versions are fixed, so that evidence can be made again. */
export type Source =
  | { readonly pip: string; readonly version: string; readonly program: string }
  | { readonly npm: readonly string[]; readonly version: string }
  | GoSource
  | GoFolder;

/** A program of a Go module. */
export interface GoSource {
  readonly go: string;
  readonly version: string;
  readonly program: string;
  /** The Python package, with its version, whose Kubernetes schemas it reads. */
  readonly schemas?: string;
}

/** A Go program in this repository; its version is that of the module it is about, as its `go.mod` says. */
export interface GoFolder {
  readonly goFolder: string;
  readonly requires: string;
  readonly program: string;
}

/** A finding that is accepted, and why. */
export interface Accepted {
  /** What the finding's line must match. */
  readonly finding: RegExp;
  readonly reason: string;
}

/** What tools work on: a running service with the limits out of the way, and the repository. */
export interface World {
  readonly root: string;
  readonly port: number;
  readonly internalPort: number;
  readonly redisPort: number;
  /** File with the authority of its certificates. */
  readonly ca: string;
  readonly token: string;
}

/** How a tool is run: program, arguments, environment; and how its output is read into findings, a line each. */
export interface Run {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

export interface Tool {
  readonly name: string;
  /** What it must say. */
  readonly expects: string;
  readonly source: Source;
  readonly accepted?: readonly Accepted[];
  /** @param bin the program, or for npm the folder that holds node_modules */
  runs(bin: string, world: World): readonly Run[];
  /**
   * Findings, and a line for the record. Throws when the output says nothing: that is no pass.
   * @param output what all runs printed @param code their greatest exit code @param outputs what each run printed
   */
  read(
    output: string,
    code: number,
    outputs: readonly string[],
  ): { readonly findings: readonly string[]; readonly summary: string };
}
