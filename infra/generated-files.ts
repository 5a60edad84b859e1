import { connections } from './network/connections.ts';
import { diagram } from './network/diagram.ts';
import { configurationSchema, settingsDocument } from './settings/document.ts';
import { loadSettings } from './settings/load.ts';

/** Returns docs/settings.md, the schema of Pulumi.<environment>.yaml and the diagram of connections, by path. */
export function generated(): Record<string, string> {
  return {
    'docs/settings.md': settingsDocument(),
    'docs/generated/pulumi-config.schema.json': `${JSON.stringify(configurationSchema(), null, 2)}\n`,
    'docs/generated/connections.mmd': diagram(connections(loadSettings('prod'))),
  };
}
