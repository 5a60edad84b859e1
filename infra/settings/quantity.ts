const factors: Readonly<Record<string, number>> = {
  m: 0.001,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** Returns the number of a Kubernetes quantity such as 250m or 64Mi: cores, or bytes. NaN for any other text. */
export function amountOf(quantity: unknown): number {
  const [, number, unit = ''] = /^(\d+(?:\.\d+)?)([a-zA-Z]*)$/.exec(String(quantity)) ?? [];
  return Number(number) * (unit === '' ? 1 : (factors[unit] ?? Number.NaN));
}
