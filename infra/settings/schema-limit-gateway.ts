import { cidr, httpsUrl, image, integer, list, memory, milliCpu, object, optional, text } from './fields.ts';

const paths = (description: string) =>
  list(description, text('A path.', 'a path such as /search, without query and comma', '^/[^\\s,?#]*$'), []);
const word = (description: string, initial?: string) =>
  text(description, 'letters, digits and . _ : / -, at most 200', '^[A-Za-z0-9._:/-]{1,200}$', initial);

/** The settings `app.limitGateway`. */
export const limitGatewaySchema = object('The gateway of `limits: edge`.', {
  image: image("The case service's image, which has the role `limit-gateway`."),
  replicas: integer('Pods.', 1, 20, 2),
  cpu: milliCpu('Requested CPU', 100),
  memory: memory('Memory, requested and limit', 192, 128),
  intensivePaths: paths('Paths, with all below them, that count in `intensive` in place of `default`.'),
  loginPaths: paths('Paths, with all below them, that count as logins, by address and in all.'),
  tokens: optional(
    object('How bearer tokens are verified; absent: every request counts by its address.', {
      jwksUrl: httpsUrl(
        'The keys: of the service itself (`https://case-service:8443/…`), or of an issuer elsewhere.',
      ),
      cidrs: list('Addresses of an issuer elsewhere.', cidr('A block.'), []),
      issuer: httpsUrl('`iss` of the tokens.'),
      audience: word('`aud` of the tokens.', 'simple378'),
      userClaim: word('The claim that names the user.', 'sub'),
    }),
  ),
});
