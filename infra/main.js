// Plain JavaScript, so that an older Node answers with a sentence and not with a syntax error.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18))
  throw new Error(
    `this program needs Node.js 22.18 or newer and runs on ${process.version}: use "npm run up -- <env>", which brings one`,
  );
// Pulumi takes a stack trace for every promise and maps it to the sources of its own library, which nobody reads here and
// which is half a second of each preview. This program needs no mapping: Node strips types in place.
Error.prepareStackTrace = undefined;
const { program } = await import('./index.ts');

/** The stack's outputs; see deploy.ts. */
export const { url, namespace, users, authority } = program({ deployment: true });
