/** The fields of a schedule with their ranges. */
const fields = [
  { name: 'minute', first: 0, last: 59 },
  { name: 'hour', first: 0, last: 23 },
  { name: 'day of month', first: 1, last: 31 },
  { name: 'month', first: 1, last: 12 },
  { name: 'day of week', first: 0, last: 7 },
] as const;
const days = 800;
const dayMinutes = 1_440;

/**
 * Returns the longest time between two runs of a cron schedule in UTC, in minutes; Infinity when it has no two runs in two years.
 * @throws Error with the field that is wrong and its range
 */
export function longestGapMinutes(schedule: string): number {
  const texts = schedule.trim().split(/\s+/);
  if (texts.length !== fields.length) throw new Error('it has not five fields');
  const [minutes, hours, monthDays, months, weekDays] = texts.map(valuesOf) as [
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
    Set<number>,
  ];
  if (weekDays.has(7)) weekDays.add(0);
  const times = [...hours].flatMap((hour) => [...minutes].map((minute) => hour * 60 + minute));
  times.sort((a, b) => a - b);
  const [first = 0] = times;
  const last = times.at(-1) ?? 0;
  // With both fields restricted, cron runs on days that match either.
  const either = !texts[2]?.startsWith('*') && !texts[4]?.startsWith('*');
  const runs = (date: Date): boolean => {
    const byMonth = monthDays.has(date.getUTCDate());
    const byWeek = weekDays.has(date.getUTCDay());
    return months.has(date.getUTCMonth() + 1) && (either ? byMonth || byWeek : byMonth && byWeek);
  };
  let longest = Math.max(...times.map((time, index) => time - (times[index - 1] ?? time)));
  let before: number | undefined;
  let found = 0;
  for (let day = 0; day < days; day++) {
    if (!runs(new Date(Date.UTC(2027, 0, 1 + day)))) continue;
    if (before !== undefined) longest = Math.max(longest, (day - before) * dayMinutes + first - last);
    before = day;
    found++;
  }
  return found < 2 ? Number.POSITIVE_INFINITY : longest;
}

/** Returns the numbers that a field stands for. */
function valuesOf(text: string, index: number): Set<number> {
  const { name, first, last } = fields[index] as (typeof fields)[number];
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [, range = '', step] = /^(\*|\d+(?:-\d+)?)(?:\/(\d+))?$/.exec(part) ?? [];
    const [low, high] = range === '*' ? [first, last] : range.split('-').map(Number);
    const from = low ?? Number.NaN;
    const to = high ?? (step === undefined ? from : last);
    const every = Number(step ?? 1);
    if (!(from >= first && to <= last && from <= to && every > 0))
      throw new Error(`its ${name} is ${text}; allowed are ${first} to ${last}, as lists, ranges and steps`);
    for (let value = from; value <= to; value += every) values.add(value);
  }
  return values;
}
