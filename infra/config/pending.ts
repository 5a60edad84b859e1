export function alertmanagerConfig(i: {
  receivers: readonly { name: string; severity: string; url: string }[];
}): object {
  return {
    route: {
      receiver: 'none',
      group_by: ['alertname'],
      routes: i.receivers.map((r) => ({
        receiver: r.name,
        matchers: [`severity="${r.severity}"`],
        continue: true,
      })),
    },
    receivers: [
      { name: 'none' },
      ...i.receivers.map((r) => ({ name: r.name, webhook_configs: [{ url: r.url, send_resolved: true }] })),
    ],
  };
}
export function grafanaIni(): string {
  return '[auth.anonymous]\nenabled = false\n';
}
