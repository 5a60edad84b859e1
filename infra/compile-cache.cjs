// Loaded before Pulumi (runtime.options.nodeargs in Pulumi.yaml) and before `npm run policies`: compiled code of packages
// and program is kept beside the packages, half a second of each run. Older Nodes have no such cache.
const { join } = require('node:path');

require('node:module').enableCompileCache?.(join(__dirname, '../node_modules/.cache/compile'));
