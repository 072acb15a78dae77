// Series of a run as columns, growing at the end. A training that returned to a checkpoint tells its iterations
// again: what came later counts.
import type { Columns } from './types';

export function appendColumns(old: Columns, fresh: Columns): Columns {
  const added = fresh.it?.length ?? 0;
  if (!added) return old;
  const it = old.it ?? [];
  const first = fresh.it![0] ?? 0;
  let keep = it.length;
  while (keep > 0 && (it[keep - 1] ?? 0) >= first) keep--;
  const out: Columns = {};
  for (const key of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
    const head = (old[key] ?? new Array<null>(keep).fill(null)).slice(0, keep);
    out[key] = head.concat(fresh[key] ?? new Array<null>(added).fill(null));
  }
  return ascending(out);
}

/** Leaves out points whose iteration comes again later. */
export function ascending(columns: Columns): Columns {
  const it = columns.it ?? [];
  const kept: number[] = [];
  let next = Infinity;
  for (let i = it.length - 1; i >= 0; i--) {
    const at = it[i];
    if (at === null || at === undefined || at >= next) continue;
    next = at;
    kept.push(i);
  }
  if (kept.length === it.length) return columns;
  kept.reverse();
  return Object.fromEntries(
    Object.entries(columns).map(([key, values]) => [key, kept.map((i) => values[i] ?? null)]),
  );
}

export const axes = ['it', 'epoch', 'time'] as const;
export type XAxis = (typeof axes)[number];

/** x of each point: iteration; epoch with its fraction where the step within it is known; seconds since the
 * first point. */
export function xColumn(columns: Columns, axis: XAxis): Float64Array {
  const it = columns.it ?? [];
  if (axis === 'epoch') {
    const { epoch, step, steps } = columns;
    return Float64Array.from(it, (value, i) => {
      const whole = epoch?.[i] ?? value ?? NaN;
      const of = steps?.[i];
      return of ? whole - 1 + (step?.[i] ?? of) / of : whole;
    });
  }
  if (axis === 'time') {
    const first = columns.time?.[0] ?? 0;
    return Float64Array.from(it, (_, i) => (columns.time?.[i] ?? NaN) - first);
  }
  return Float64Array.from(it, (value) => value ?? NaN);
}

export const yColumn = (columns: Columns, key: string) =>
  Float64Array.from(columns.it ?? [], (_, i) => columns[key]?.[i] ?? NaN);

/** The newest number of a column; null where there is none. */
export function newest(columns: Columns | undefined, key: string): number | null {
  const values = columns?.[key] ?? [];
  for (let i = values.length - 1; i >= 0; i--) if (values[i] !== null) return values[i]!;
  return null;
}

/** The number at an iteration, or at the nearest that is at most `reach` away. */
export function numberAt(
  columns: Columns | undefined,
  key: string,
  iteration: number,
  reach: number,
): number | null {
  let best: number | null = null;
  let distance = reach;
  columns?.it?.forEach((it, i) => {
    const value = columns[key]?.[i] ?? null;
    if (it === null || value === null || Math.abs(it - iteration) > distance) return;
    distance = Math.abs(it - iteration);
    best = value;
  });
  return best;
}
