/** Settings of one environment: the schema, its rules, and how they are read. */
export { environments } from './settings/environments.ts';
export { loadSettings, rawSettings, settingsOf } from './settings/load.ts';
export { BadSettings, parseSettings } from './settings/parse.ts';
export { mostReplicas } from './settings/rules-service.ts';
export type { Settings } from './settings/schema.ts';
export { writeStackSettings } from './settings/stack-settings.ts';
