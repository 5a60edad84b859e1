// Loaded before Pulumi (runtime.options.nodeargs in Pulumi.yaml) and before `npm run policies`; both spend most of their
// time on loading code.
const { createRequire, enableCompileCache, Module } = require('node:module');
const { join } = require('node:path');

// Compiled code of packages and program is kept beside the packages: half a second of each run. Older Nodes have no such cache.
enableCompileCache?.(join(__dirname, '../node_modules/.cache/compile'));

// What Pulumi loads for functions that it sends to a cloud as code, which this program has none of: the TypeScript compiler and
// npm's reader of package trees, a quarter of all that is loaded. They are loaded when somebody asks them for something.
const pulumi = createRequire(require.resolve('@pulumi/pulumi'));
for (const name of ['typescript', '@npmcli/arborist']) loadWhenUsed(name);

function loadWhenUsed(name) {
  let file;
  try {
    file = pulumi.resolve(name);
  } catch {
    return; // Pulumi has a TypeScript of its own.
  }
  const stand = new Module(file);
  stand.loaded = true;
  stand.exports = new Proxy(
    {},
    {
      get(_, property) {
        // Pulumi's compiled imports would copy all properties otherwise, and so ask for each.
        if (property === '__esModule') return true;
        if (require.cache[file] === stand) delete require.cache[file];
        return pulumi(name)[property];
      },
    },
  );
  require.cache[file] = stand;
}
