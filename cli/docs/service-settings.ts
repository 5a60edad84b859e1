import { expectedValue } from '../../contract/check-service-settings.ts';
import { type ServiceSetting, serviceSettings } from '../../contract/service-settings.ts';

/** Returns `docs/service-settings.md`, by its path. */
export function serviceSettingsPage(): Record<string, string> {
  const rows = Object.entries<ServiceSetting>(serviceSettings).map(([name, setting]) => {
    const initial = setting.default === undefined ? '' : `\`${setting.default}\``;
    return `| \`${name}\` | ${setting.required ? 'required' : initial} | ${expectedValue(setting)} | ${setting.description} |`;
  });
  return {
    'docs/service-settings.md': `# Settings of the service

Generated from \`contract/service-settings.ts\` by \`npm run generate\`. The service reads these environment variables at its
start. \`node app/main.ts --check-config\` checks them and the files that they name, and exits with 78 when something is wrong.

| Variable | Default | Value | Meaning |
| --- | --- | --- | --- |
${rows.join('\n')}
`,
  };
}
