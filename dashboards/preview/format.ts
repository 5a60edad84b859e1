/** A number with its unit, as Grafana shows it: short, and never more exact than it is. */
export function format(value: number, unit: string): string {
  if (!Number.isFinite(value)) return '–';
  switch (unit) {
    case 's':
      return duration(value);
    case 'percentunit':
      return `${digits(value * 100)} %`;
    case 'bytes':
      return binary(value, 'B');
    case 'Bps':
      return binary(value, 'B/s');
    case 'ops':
      return `${decimal(value)}/s`;
    case 'reqps':
      return `${decimal(value)} req/s`;
    case 'dateTimeAsIso':
      return new Date(value * 1_000).toISOString().slice(0, 19).replace('T', ' ');
    case 'bool_on_off':
      return value > 0 ? 'on' : 'off';
    default:
      return decimal(value);
  }
}

const digits = (value: number): string => String(Number(value.toPrecision(3)));

function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size === 0) return '0 s';
  if (size < 0.001) return `${digits(seconds * 1e6)} µs`;
  if (size < 1) return `${digits(seconds * 1e3)} ms`;
  if (size < 120) return `${digits(seconds)} s`;
  if (size < 7_200) return `${digits(seconds / 60)} min`;
  if (size < 172_800) return `${digits(seconds / 3_600)} h`;
  return `${digits(seconds / 86_400)} d`;
}

function scaled(value: number, base: number, prefixes: readonly string[]): string {
  const power = value === 0 ? 0 : Math.floor(Math.log(Math.abs(value)) / Math.log(base) + 1e-9);
  const step = Math.max(0, Math.min(prefixes.length - 1, power));
  return `${digits(value / base ** step)}${prefixes[step]}`;
}
const decimal = (value: number): string => scaled(value, 1_000, ['', ' k', ' M', ' G']);
const binary = (value: number, unit: string): string =>
  scaled(value, 1_024, [` ${unit}`, ` Ki${unit}`, ` Mi${unit}`, ` Gi${unit}`]);
