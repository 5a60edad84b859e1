/** A Kubernetes object as plain data, ready to print or to register. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** A file of a Secret, written from generated or configured values that only the deployment knows. */
export interface SecretFile {
  /** Keys of the values: see `material.ts` for their kinds. */
  readonly from: readonly string[];
  /** The content, from the values in the order of `from`. Pure. */
  readonly write: (...values: string[]) => string;
}

/** A Secret that this program writes, or that something else keeps under the same name with the same files. */
export interface SecretSpec {
  readonly name: string;
  readonly component: string;
  /** Opaque when left out. */
  readonly type?: string;
  readonly files: Readonly<Record<string, SecretFile>>;
}

/** A certificate for names inside the cluster or for the edge; it ends up as a TLS Secret of this name with ca.crt. */
export interface CertificateSpec {
  readonly name: string;
  readonly component: string;
  readonly dnsNames: readonly string[];
  readonly issuer: 'internal' | 'edge';
}

/** What one component consists of. Pure data: rendered as files, or registered by `component.ts`. */
export interface Component {
  /** Names the component resource and its folder-mates in `rendered/`. */
  readonly name: string;
  readonly manifests: readonly Manifest[];
  readonly secrets?: readonly SecretSpec[];
  readonly certificates?: readonly CertificateSpec[];
  /** Whether a ConfigMap `authority` with our own issuer's certificate belongs to it, where there is one. */
  readonly trusts?: boolean;
  /** Names of parts that must be there first. */
  readonly after?: readonly string[];
}

/** A file with a fixed value out of the material. */
export const plainValue = (key: string): SecretFile => ({ from: [key], write: (value = '') => value });
