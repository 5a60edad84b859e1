/** Settings of one environment: the schema, its rules, and how they are read. */
export { environments } from './environments.ts';
export { loadSettings, rawSettings, settingsOf } from './load.ts';
export { BadSettings, parseSettings } from './parse.ts';
export { mostReplicas } from './rules-service.ts';
export type { Settings } from './schema.ts';
export { writeStackSettings } from './stack-settings.ts';
