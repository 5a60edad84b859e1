// Pulumi loads this before itself (runtime.options.nodeargs in Pulumi.yaml): compiled code of it and of the program is
// kept beside the packages it is made from, half a second of each preview and of `npm run policies`. Older Nodes have no such cache.
const { join } = require('node:path');

require('node:module').enableCompileCache?.(join(__dirname, '../node_modules/.cache/compile'));
