/** Settings of one environment: the schema, its rules, and how they are read. */
export { environments } from './environments.ts';
export { hasSettings, loadSettings, rawSettings, settingsOf, stackNames } from './load.ts';
export { BadSettings, parseSettings } from './parse.ts';
export type { Settings } from './schema.ts';
export { mostReplicas } from './service-environment.ts';
export { writeStackSettings } from './stack-settings.ts';
