// A kubectl credential plugin: exchanges a GitHub job's identity for a token that the cluster's API server
// accepts. Tokens live for minutes, so a long roll-out asks again; nothing is written to disk.

const {
  ACTIONS_ID_TOKEN_REQUEST_URL: url,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: bearer,
  KUBE_AUDIENCE,
} = process.env;

if (!url || !bearer || !KUBE_AUDIENCE) {
  console.error('kube-credential: needs a GitHub job with id-token: write, and KUBE_AUDIENCE');
  process.exit(2);
}
const answer = await fetch(`${url}&audience=${encodeURIComponent(KUBE_AUDIENCE)}`, {
  headers: { authorization: `Bearer ${bearer}` },
});
if (!answer.ok) {
  console.error(`kube-credential: GitHub answered ${answer.status}`);
  process.exit(2);
}
const { value: token } = (await answer.json()) as { value: string };
const [, claims = ''] = token.split('.');
const { exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { exp: number };
console.log(
  JSON.stringify({
    apiVersion: 'client.authentication.k8s.io/v1',
    kind: 'ExecCredential',
    status: { token, expirationTimestamp: new Date(exp * 1000).toISOString() },
  }),
);

export {};
