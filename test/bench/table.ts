/** The measurements as a Markdown table. */
export type Row = {
  what: string;
  ours: string;
  theirs: string;
  /** The compared value, in the unit of the target; undefined without a target. */
  value?: number | undefined;
  target?: { atLeast: number } | { atMost: number } | undefined;
  unit?: string;
  times?: string;
  /** Milliseconds of processor time that each side's own process spent on one of them. */
  cpu?: string;
};

export function isReached({ value, target }: Row): boolean | undefined {
  if (value === undefined || target === undefined) return undefined;
  return 'atLeast' in target ? value >= target.atLeast : value <= target.atMost;
}

function cells(row: Row): string[] {
  const { what, ours, theirs, value, target, unit = '', times = '', cpu = '' } = row;
  const digits = unit === '' || unit === ' s' ? 2 : 0;
  const wanted =
    target === undefined ? '' : 'atLeast' in target ? `≥ ${target.atLeast}${unit}` : `≤ ${target.atMost}${unit}`;
  const reached = isReached(row);
  return [
    what,
    value === undefined ? '' : `${value.toFixed(digits)}${unit}`,
    wanted,
    reached === undefined ? '' : reached ? 'yes' : 'NO',
    ours,
    theirs,
    times,
    cpu,
  ];
}

const heads = [
  'what',
  'reached',
  'target',
  'holds',
  'ours/s',
  'theirs/s',
  'ms, p50/p99: ours · theirs',
  'CPU ms each: ours · theirs',
];

export function table(rows: readonly Row[]): string {
  const all = [heads, ...rows.map(cells)];
  const widths = heads.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const write = (line: readonly string[]): string =>
    `| ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [write(heads), write(widths.map((width) => '-'.repeat(width))), ...rows.map((row) => write(cells(row)))].join(
    '\n',
  );
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
