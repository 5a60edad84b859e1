import { Provider } from '@pulumi/kubernetes/provider.js';
import type * as pulumi from '@pulumi/pulumi';
import { generatedAuthority } from './components/authority.ts';
import { RegisteredComponent } from './components/component.ts';
import { Credentials } from './components/credentials.ts';
import { GrafanaExternal } from './components/grafana-external.ts';
import type { Scope } from './components/register.ts';
import { stack } from './components/stack.ts';
import type { Settings } from './settings/index.ts';

/**
 * Registers everything that an environment consists of.
 * @param configured the secret of the configuration of that name, where there is one
 */
export function deploy(
  settings: Settings,
  configured: (name: string) => pulumi.Output<string> | undefined,
  scope: Scope,
): Outputs {
  const authority = (parent: pulumi.Resource) => generatedAuthority(settings, parent, scope.prefix);
  const credentials = new Credentials(settings, authority, configured, scope);
  const { context } = settings.cluster;
  const provider = new Provider(
    `${scope.prefix}cluster`,
    {
      // Without these a changed ConfigMap or Secret would be deleted and made anew under its pods.
      enableConfigMapMutable: true,
      enableSecretMutable: true,
      // `kubernetes:context` of the stack's configuration is the default provider's, and not heard by this one.
      ...(context ? { context } : {}),
    },
    scope.parent ? { parent: scope.parent } : {},
  );
  const made = new Map<string, RegisteredComponent>();
  for (const component of stack(settings)) {
    const after = (component.after ?? []).flatMap((name) => made.get(name) ?? []);
    const options = { ...scope, after, provider };
    made.set(component.name, new RegisteredComponent(component, settings, credentials, options));
  }
  if (settings.grafana.mode === 'external') new GrafanaExternal(settings, credentials, scope);
  return outputsOf(settings, credentials);
}

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
function outputsOf(settings: Settings, credentials: Credentials): Outputs {
  const { users } = settings.app;
  return {
    url: `https://${settings.edge.host}`,
    namespace: settings.namespace,
    users: Object.fromEntries(users.map(({ email }) => [email, credentials.value(`password/user/${email}`)])),
    authority: credentials.authority?.certificate,
  };
}
