// Plain JavaScript, on whatever Node.js the machine has, and without packages: where they cannot be installed, who asks the
// doctor must hear why. The rest of it imports no package either.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 18)) await import('./main.ts');
else {
  console.error(
    `doctor: this Node.js, ${process.version}, does not run TypeScript, and the one that this repository pins is not installed.\n` +
      '→ npm ci brings it (npm ping says whether a registry is reachable); else install Node.js 24',
  );
  process.exitCode = 1;
}
