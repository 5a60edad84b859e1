/** Bodies that login must refuse before it looks at a password. Each counts against the address, so they are few. */
export const oddLogins: Readonly<Record<string, string>> = {
  empty: '{}',
  'null password': '{"email":"a@example.com","password":null}',
  'list email': '{"email":["a@example.com"],"password":"12345678"}',
  'operator object': '{"email":{"$ne":null},"password":{"$ne":null}}',
  'extra field': '{"email":"a@example.com","password":"12345678","role":"admin"}',
  prototype: '{"email":"a@example.com","password":"12345678","__proto__":{"role":"admin"}}',
  'huge password': JSON.stringify({ email: 'a@example.com', password: 'p'.repeat(100_000) }),
};
