// What happened in a training, as marks in its graphs: checkpoints, leaps of the learning rate, ends of epochs,
// skipped steps. Pure functions; Graphs.svelte chooses, parts/Chart.svelte draws them.
import { xColumn, type XAxis } from './columns';
import { xAt, type Frame } from './chart';
import { lowerBound } from './downsample';
import type { Shape } from './scene';
import { niceStep } from './ticks';
import type { Columns } from './types';

export const markKinds = ['checkpoint', 'rate', 'epoch', 'skipped'] as const;
export type MarkKind = (typeof markKinds)[number];

export interface Mark {
  kind: MarkKind;
  it: number; // or, of an epoch, its number
  x: number;
  text: string;
  faint?: boolean; // a checkpoint that is no longer kept
}

export type MarkColours = Record<MarkKind, string>;

/** Where an iteration lies on an axis: between the points that were told. */
export function placeOf(columns: Columns, axis: XAxis, it: number): number {
  return axis === 'it' ? it : between(xColumn(columns, 'it'), xColumn(columns, axis), it);
}

/** The iteration that was under way at a time; null before the first one that was told. */
export function iterationAt(columns: Columns, time: number): number | null {
  const times = Float64Array.from(columns.time ?? [], (value) => value ?? NaN);
  if (!times.length || time < times[0]!) return null;
  const at = between(times, xColumn(columns, 'it'), time);
  return Number.isFinite(at) ? Math.round(at) : null;
}

function between(from: Float64Array, to: Float64Array, wanted: number): number {
  if (!from.length) return NaN;
  const after = Math.min(from.length - 1, lowerBound(from, wanted));
  const before = Math.max(0, after - 1);
  const room = from[after]! - from[before]!;
  if (!(room > 0)) return to[after]!;
  const share = Math.min(1, (wanted - from[before]!) / room);
  return to[before]! + Math.max(0, share) * (to[after]! - to[before]!);
}

export interface Leap {
  it: number; // the first with the new rate
  from: number;
  to: number;
}

/** Where the rate leaps, down by a step or up by a restart; slopes (warm-up, an arc of a cosine) are none. Of a thinned
 * series a leap may be spread over two points. */
export function rateLeaps(columns: Columns): Leap[] {
  const it: number[] = [];
  const rate: number[] = [];
  columns.it?.forEach((value, i) => {
    const lr = columns.lr?.[i];
    if (value === null || lr === null || lr === undefined) return;
    it.push(value);
    rate.push(lr);
  });
  const highest = rate.reduce((sum, value) => Math.max(sum, value), 0);
  const change = rate.map((value, i) => (i ? value - rate[i - 1]! : 0));
  const size = (i: number) => Math.abs(change[i] ?? 0);
  const leaps = (i: number) => size(i) > 0.05 * Math.max(rate[i]!, rate[i - 1]!) && size(i) > 1e-4 * highest;
  const out: Leap[] = [];
  for (let first = 1; first < rate.length; first++) {
    if (!leaps(first)) continue;
    let last = first;
    while (last + 1 < rate.length && leaps(last + 1) && change[last + 1]! > 0 === change[first]! > 0) last++;
    // What goes the same way beside it must be far smaller: else it is a slope.
    const most = Math.max(size(first), size(last));
    const slope = (i: number) =>
      i > 0 && i < rate.length && change[i]! > 0 === change[first]! > 0 && size(i) > most / 3;
    if (last - first < 2 && !slope(first - 1) && !slope(last + 1))
      out.push({ it: it[last]!, from: rate[first - 1]!, to: rate[last]! });
    first = last;
  }
  return out;
}

export interface EpochEnd {
  epoch: number;
  x: number;
}

/** Ends of epochs on an axis; empty where no epochs were told. */
export function epochEnds(columns: Columns, axis: XAxis): EpochEnd[] {
  if (!columns.epoch?.length) return [];
  const epochs = xColumn(columns, 'epoch');
  const xs = xColumn(columns, axis);
  const first = Math.max(1, Math.ceil(epochs[0]! - 1e-9));
  const last = Math.floor(epochs[epochs.length - 1]! + 1e-9);
  const out: EpochEnd[] = [];
  for (let epoch = first; epoch <= last; epoch++) {
    const x = axis === 'epoch' ? epoch : between(epochs, xs, epoch);
    if (Number.isFinite(x)) out.push({ epoch, x });
  }
  return out;
}

/** So many of the epochs' ends that they can be told apart. */
function sparse(marks: Mark[], frame: Frame): Mark[] {
  const inside = marks.filter((mark) => mark.x >= frame.x.low && mark.x <= frame.x.high);
  const most = Math.max(2, frame.width / 14);
  if (inside.length <= most) return inside;
  const step = Math.max(1, niceStep(inside.length / most));
  return inside.filter((mark) => mark.it % step === 0);
}

/** Quiet lines and ticks; `picked` (kind and iteration) stands out. */
export function markShapes(
  marks: Mark[],
  frame: Frame,
  colours: MarkColours,
  picked: { kind: MarkKind; it: number } | null,
): Shape[] {
  const top = frame.top;
  const bottom = frame.top + frame.height;
  const rules: Shape[] = [];
  const dots: Shape[] = [];
  const rule = (x: number, y1: number, y2: number, colour: string, width: number, dash?: number[]) =>
    rules.push({ kind: 'rule', x1: x, y1, x2: x, y2, colour, width, ...(dash ? { dash } : {}) });
  const epochs = sparse(
    marks.filter((mark) => mark.kind === 'epoch'),
    frame,
  );
  for (const mark of [...epochs, ...marks.filter((each) => each.kind !== 'epoch')]) {
    const x = Math.round(xAt(frame, mark.x)) + 0.5;
    if (x < frame.left - 1 || x > frame.left + frame.width + 1) continue;
    const colour = colours[mark.kind];
    const out = picked?.kind === mark.kind && picked.it === mark.it;
    if (mark.kind === 'epoch') rule(x, top, top + 5, colour, 1);
    else if (mark.kind === 'rate') rule(x, top, bottom, colour, 1, [6, 4]);
    else if (mark.kind === 'skipped')
      rule(x, bottom - (out ? frame.height : 9), bottom, colour, out ? 1.5 : 2);
    else {
      rule(x, top, bottom, colour, out ? 1.75 : 1, out ? undefined : [1, 4]);
      dots.push({
        kind: 'dot',
        x,
        y: bottom,
        radius: mark.faint ? 2 : out ? 5 : 3.5,
        fill: colour,
      });
    }
  }
  return [...rules, ...dots];
}

/** The mark to be pressed at a place: a checkpoint's line, more widely its foot; a skipped step's foot. `feet`: only those. */
export function markAt(
  marks: Mark[],
  frame: Frame,
  x: number,
  y: number,
  reach: number,
  feet = false,
): Mark | null {
  const foot = y > frame.top + frame.height - 12;
  if (feet && !foot) return null;
  const room = foot ? 2 * reach : reach;
  let best: Mark | null = null;
  let nearest = room;
  for (const mark of marks) {
    if ((mark.kind !== 'checkpoint' || mark.faint) && mark.kind !== 'skipped') continue;
    if (mark.kind === 'skipped' && !foot) continue;
    const distance = Math.abs(xAt(frame, mark.x) - x);
    if (distance > nearest || (distance === nearest && best?.kind === 'checkpoint')) continue;
    nearest = distance;
    best = mark;
  }
  return best;
}

/** Those under the cursor, at most a few pixels away. */
export function marksNear(marks: Mark[], frame: Frame, x: number): Mark[] {
  const at = xAt(frame, x);
  return marks.filter((mark) => Math.abs(xAt(frame, mark.x) - at) <= 3);
}

/** The next of another place; null behind the last. */
export function nextMark(marks: Mark[], x: number, direction: 1 | -1): Mark | null {
  const ahead = marks.filter((mark) => (mark.x - x) * direction > 1e-9 * Math.max(1, Math.abs(mark.x)));
  return ahead.reduce<Mark | null>(
    (best, mark) => (best === null || (mark.x - best.x) * direction < 0 ? mark : best),
    null,
  );
}
