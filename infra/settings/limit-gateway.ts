import type { Settings } from './schema.ts';
import { imageEnvironment } from './service-environment.ts';

/** The settings of the limit gateway. */
export type LimitGateway = NonNullable<Settings['app']['limitGateway']>;

/** Returns the settings of the gateway, where there is one. */
export const limitGatewayOf = ({ app }: Pick<Settings, 'app'>): LimitGateway | undefined =>
  app.limits === 'edge' ? app.limitGateway : undefined;

/** Whether the service itself serves the keys of its tokens. */
export const isKeptByService = (jwksUrl: string): boolean =>
  /^case-service(\.|$)/.test(new URL(jwksUrl).hostname);

/** Variables of the service that the gateway has no use for. */
const ofServiceAlone = /^(REDIS_DATA_USER|TOKEN_ISSUER|ALLOWED_ORIGINS|OTEL_.*)$/;

/** Returns the environment variables of the gateway; `contract/service-settings.ts` defines each. */
export function gatewayEnvironment(settings: Settings, gateway: LimitGateway): Record<string, string> {
  const { cluster, edge } = settings;
  const { intensivePaths, loginPaths, tokens } = gateway;
  const shared = Object.entries(imageEnvironment(settings)).filter(([name]) => !ofServiceAlone.test(name));
  return {
    ...Object.fromEntries(shared),
    SECRETS_DIR: '/run/secrets/limit-gateway',
    POLICIES_FILE: '/etc/limit-gateway/policies.json',
    REPLICAS: String(gateway.replicas),
    // Of a request that came through other proxies, Traefik names these too.
    TRUSTED_PROXIES: [...cluster.podCidrs, ...edge.trustedForwarders].join(','),
    ...(intensivePaths.length > 0 ? { GATEWAY_INTENSIVE_PATHS: intensivePaths.join(',') } : {}),
    ...(loginPaths.length > 0 ? { GATEWAY_LOGIN_PATHS: loginPaths.join(',') } : {}),
    ...(tokens
      ? {
          GATEWAY_JWKS_URL: tokens.jwksUrl,
          ...(isKeptByService(tokens.jwksUrl) ? { GATEWAY_JWKS_CA_FILE: '/run/tls/ca.crt' } : {}),
          GATEWAY_USER_CLAIM: tokens.userClaim,
          TOKEN_ISSUER: tokens.issuer,
          TOKEN_AUDIENCE: tokens.audience,
        }
      : {}),
  };
}
