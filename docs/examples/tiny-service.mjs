// The smallest service that keeps the contract of docs/bring-your-own-service.md.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';

const file = (name) => readFileSync(`${process.env.TLS_DIR}/${name}`);
const tls = () => ({ cert: file('tls.crt'), key: file('tls.key') });
let draining = false;

const api = createServer(tls(), (request, response) => {
  const known = request.url === '/health';
  response.writeHead(known ? 200 : 404, { 'content-type': 'application/json' });
  response.end(known ? '{"status":"ok"}' : '{"title":"Not found","status":404}');
}).listen(process.env.API_PORT ?? 8443);

const internal = createServer(tls(), (request, response) => {
  const ready = !(draining && request.url === '/health/ready');
  response.writeHead(ready ? 200 : 503, { 'content-type': 'text/plain' });
  response.end(request.url === '/metrics' ? '# TYPE tiny_up gauge\ntiny_up 1\n' : `${ready}\n`);
}).listen(process.env.INTERNAL_PORT ?? 9464);

// Certificates are replaced while the process runs.
setInterval(() => {
  for (const server of [api, internal]) server.setSecureContext(tls());
}, 60_000);

process.on('SIGTERM', () => {
  draining = true;
  setTimeout(() => process.exit(0), process.env.DRAIN_SECONDS * 1000);
});
