// Plain JavaScript, so that an older Node answers with a sentence and not with a syntax error.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18))
  throw new Error(
    `this program needs Node.js 22.18 or newer and runs on ${process.version}: use "npm run up -- <env>", which brings one`,
  );
const { program } = await import('./index.ts');

/** The stack's outputs; see outputs.ts. */
export const { url, namespace, users, authority } = program();
