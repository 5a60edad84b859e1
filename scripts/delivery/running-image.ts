/** The parts of a stack's exported state that are read. */
export interface State {
  readonly deployment: {
    readonly resources?: readonly {
      readonly type: string;
      readonly outputs?: {
        readonly metadata?: { readonly name?: string };
        readonly spec?: {
          readonly template?: {
            readonly spec?: { readonly containers?: readonly { readonly image?: string }[] };
          };
        };
      };
    }[];
  };
}

/** The image of the service that a stack runs, as its state says; null when it runs none. */
export function runningImage({ deployment }: State): string | null {
  const service = deployment.resources?.find(
    ({ type, outputs }) =>
      type === 'kubernetes:apps/v1:Deployment' && outputs?.metadata?.name === 'case-service',
  );
  return service?.outputs?.spec?.template?.spec?.containers?.[0]?.image ?? null;
}
