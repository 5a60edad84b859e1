/** The environments of this repository, each a file `Pulumi.<name>.yaml`. */
export const environments = ['local', 'dev', 'staging', 'prod'] as const;

/** One of {@link environments}. */
export type Environment = (typeof environments)[number];
