import type * as pulumi from '@pulumi/pulumi';
import type { Credentials } from './components/credentials.ts';
import type { Settings } from './settings/index.ts';

/** What a stack tells; `pulumi stack output --show-secrets` shows the passwords. */
export interface Outputs {
  /** Where clients call. */
  readonly url: string;
  readonly namespace: string;
  /** Passwords of the first users by e-mail address; secret. */
  readonly users: Readonly<Record<string, pulumi.Output<string>>>;
  /** The certificate that clients must trust, PEM; absent where cert-manager issues. */
  readonly authority: pulumi.Output<string> | undefined;
}

/** The outputs of an environment. */
export function outputsOf(settings: Settings, credentials: Credentials): Outputs {
  const { users } = settings.app;
  return {
    url: `https://${settings.edge.host}`,
    namespace: settings.namespace,
    users: Object.fromEntries(users.map(({ email }) => [email, credentials.value(`password/user/${email}`)])),
    authority: credentials.authority?.certificate,
  };
}
