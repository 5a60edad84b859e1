import { hasZeroDigest, isPinned, isPlaceholder } from './images.ts';
import { isKeptByService } from './limit-gateway.ts';
import { type Rule, refuse } from './rule.ts';
import type { Settings } from './schema.ts';

const given = ({ app }: Settings) => app.limitGateway;
const key = 'app.limitGateway';

/** Where the limits are enforced, and the gateway. */
export const limitGatewayRules: readonly Rule[] = [
  refuse(
    ({ app, edge }) => app.limits === 'edge' && edge.controller === 'existing',
    () =>
      'app.limits: edge needs forwardAuth of a managed Traefik, and edge.controller is existing; set edge.controller to traefik, or app.limits to service or none',
  ),
  refuse(
    (s) => s.app.limits === 'edge' && !given(s),
    () => `${key}: is missing; app.limits edge needs ${key}.image, the image of the case service`,
  ),
  refuse(
    (s) => s.app.limits !== 'edge' && given(s),
    ({ app }) => `${key}: is of no use with app.limits ${app.limits}; remove it, or set app.limits to edge`,
  ),
  refuse(
    ({ app, limits }) => app.limits === 'none' && limits.length > 0,
    ({ limits }) =>
      `limits: ${limits.map(({ name }) => name).join(', ')} would change nothing with app.limits none; remove limits, or set app.limits to edge or service`,
  ),
  refuse(
    (s) => hasZeroDigest(given(s)?.image ?? '') && !isPlaceholder(given(s)?.image ?? ''),
    (s) =>
      `${key}.image: ${given(s)?.image} has the digest of zeros, which no image has; give the digest of the image that was pushed`,
  ),
  refuse(
    (s) =>
      given(s)?.tokens &&
      !isKeptByService(given(s)?.tokens?.jwksUrl ?? '') &&
      given(s)?.tokens?.cidrs.length === 0,
    (s) =>
      `${key}.tokens.cidrs: is empty; nothing may leave the cluster without them, and ${key}.tokens.jwksUrl is ${given(s)?.tokens?.jwksUrl}`,
  ),
  refuse(
    (s) => given(s)?.tokens?.cidrs.length && isKeptByService(given(s)?.tokens?.jwksUrl ?? ''),
    (s) =>
      `${key}.tokens.cidrs: ${given(s)?.tokens?.cidrs.join(', ')} is of no use with ${key}.tokens.jwksUrl ${given(s)?.tokens?.jwksUrl}, which the service serves; remove it`,
  ),
  refuse(
    (s) => isKeptByServiceElsewhere(s),
    (s) =>
      `${key}.tokens.jwksUrl: ${given(s)?.tokens?.jwksUrl} does not lead to the service; write https://case-service.${s.namespace}.svc:8443/ and the path`,
  ),
  refuse(
    (s) => s.environment === 'prod' && given(s) && !isPinned(given(s)?.image ?? ''),
    (s) => `${key}.image: ${given(s)?.image} has no digest; prod pins every image by @sha256:`,
  ),
  refuse(
    (s) => s.environment === 'prod' && Number(given(s)?.replicas) < 2,
    (s) => `${key}.replicas: ${given(s)?.replicas} is too few for prod; at least 2`,
  ),
];

/** Whether the URL names the service by a name that its certificate lacks, or on another port than its own. */
function isKeptByServiceElsewhere({ app, namespace }: Settings): boolean {
  const jwksUrl = app.limitGateway?.tokens?.jwksUrl;
  if (jwksUrl === undefined || !isKeptByService(jwksUrl)) return false;
  const { hostname, port } = new URL(jwksUrl);
  return port !== '8443' || !['case-service', `case-service.${namespace}.svc`].includes(hostname);
}
