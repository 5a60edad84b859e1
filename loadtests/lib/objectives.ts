/** Interim, until slo/index.ts lands. */
export const bounds = { p95: 250, failed: 0.001 };
export function objectives(scenario: string): Record<string, string[]> {
  return {
    [`failures{scenario:${scenario}}`]: [`rate<=${bounds.failed}`],
    [`http_req_duration{scenario:${scenario}}`]: [`p(95)<${bounds.p95}`],
  };
}
