import { pulumi } from '../../infra/pulumi.ts';

/** The parts of a stack's exported state that are read. */
interface State {
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

/** The image of the service that an environment runs, by the state of its stack. @throws Error when Pulumi cannot tell */
export function imageOfStack(stack: string): string | null {
  return runningImage(JSON.parse(pulumi(['stack', 'export', '--stack', stack])) as State);
}
