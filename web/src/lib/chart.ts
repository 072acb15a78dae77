// Curves with axes as a scene: what is visible, where it lies, and what is under the pointer. Pure functions of
// data, view and size; parts/Chart.svelte draws them and moves the view.
import { downsample, lowerBound } from './downsample';
import type { Shape } from './scene';
import { smooth } from './smooth';
import { linearTicks, logTicks, timeTicks, type Tick } from './ticks';

export interface Series {
  name: string;
  colour: string;
  x: Float64Array; // ascending
  y: Float64Array; // NaN: a gap
  dash?: number[];
  dots?: boolean; // few points (validation): each is marked
  plain?: boolean; // never smoothed
}

export interface Range {
  low: number;
  high: number;
}

/** An end that is not given is where the values end. */
export interface Limits {
  low?: number;
  high?: number;
}

export interface ChartOptions {
  smoothing: number; // 0 .. 0.999
  logarithmic: boolean;
  xKind: 'number' | 'time';
  x: Limits | null; // null: all there is
  y: Limits | null;
  from0?: boolean; // a linear axis begins at 0
  typical?: boolean; // fits the middle nine tenths of the values, not the outliers
}

export interface Colours {
  text: string;
  faint: string;
  grid: string;
  back: string;
}

export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  x: Range;
  y: Range;
  logarithmic: boolean;
}

export const xAt = (frame: Frame, value: number) =>
  frame.left + ((value - frame.x.low) / (frame.x.high - frame.x.low)) * frame.width;

export function yAt(frame: Frame, value: number): number {
  if (!frame.logarithmic)
    return frame.top + ((frame.y.high - value) / (frame.y.high - frame.y.low)) * frame.height;
  if (!(value > 0)) return NaN;
  return frame.top + (Math.log(frame.y.high / value) / Math.log(frame.y.high / frame.y.low)) * frame.height;
}

export const valueAtX = (frame: Frame, x: number) =>
  frame.x.low + ((x - frame.left) / frame.width) * (frame.x.high - frame.x.low);

export function valueAtY(frame: Frame, y: number): number {
  const share = (y - frame.top) / frame.height;
  if (!frame.logarithmic) return frame.y.high - share * (frame.y.high - frame.y.low);
  return frame.y.high * (frame.y.low / frame.y.high) ** share;
}

export function xExtent(series: Series[]): Range | null {
  let low = Infinity;
  let high = -Infinity;
  for (const { x } of series)
    if (x.length) {
      low = Math.min(low, x[0]!);
      high = Math.max(high, x[x.length - 1]!);
    }
  if (low > high) return null;
  return low === high ? { low: low - 0.5, high: high + 0.5 } : { low, high };
}

/** Of the values within `x`, with a little air; on a logarithmic axis only positive ones count. */
export function yExtent(curves: Float64Array[], series: Series[], x: Range, options: ChartOptions): Range {
  const values: number[] = [];
  series.forEach((each, k) => {
    const end = Math.min(each.x.length, lowerBound(each.x, x.high) + 1);
    for (let i = Math.max(0, lowerBound(each.x, x.low) - 1); i < end; i++) {
      const value = curves[k]![i]!;
      if (!Number.isFinite(value) || (options.logarithmic && value <= 0)) continue;
      values.push(value);
    }
  });
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (options.typical && values.length >= 20) {
    values.sort((a, b) => a - b);
    low = values[Math.floor(values.length * 0.05)]!;
    high = values[Math.ceil(values.length * 0.95) - 1]!;
  }
  if (low > high) return options.logarithmic ? { low: 0.1, high: 1 } : { low: 0, high: 1 };
  if (options.logarithmic) {
    const air = high > low ? (high / low) ** 0.05 : 1.2;
    return { low: low / air, high: high * air };
  }
  if (options.from0) low = Math.min(0, low);
  const air = high > low ? (high - low) * 0.06 : Math.abs(high) * 0.1 || 1;
  return { low: options.from0 && low === 0 ? 0 : low - air, high: high + air };
}

/** `limits` where they are given, else `all`; never empty. */
export function within(limits: Limits | null, all: Range): Range {
  const low = limits?.low ?? all.low;
  const high = limits?.high ?? all.high;
  if (low < high) return { low, high };
  const room = Math.abs(all.high - all.low) || 1;
  return limits?.low === undefined ? { low: high - room, high } : { low, high: low + room };
}

export interface Chart {
  frame: Frame;
  shapes: Shape[];
  curves: Float64Array[]; // as drawn (smoothed), one for each series
}

export function drawChart(
  series: Series[],
  options: ChartOptions,
  width: number,
  height: number,
  colours: Colours,
): Chart {
  const curves = series.map((each) =>
    options.smoothing > 0 && !each.plain ? smooth(each.y, options.smoothing) : each.y,
  );
  const x = within(options.x, xExtent(series) ?? { low: 0, high: 1 });
  // The raw curve may reach beyond the smoothed one: the view fits what is read, the smoothed one, once there is one.
  const y = within(options.y, yExtent(curves, series, x, options));
  const yTicks = options.logarithmic
    ? logTicks(y.low, y.high)
    : linearTicks(y.low, y.high, Math.max(3, Math.floor(height / 42)));
  const left = Math.max(34, 12 + 6.4 * Math.max(0, ...yTicks.map((tick) => tick.label.length)));
  const frame: Frame = {
    left,
    top: 10,
    width: Math.max(10, width - left - 14),
    height: Math.max(10, height - 38),
    x,
    y,
    logarithmic: options.logarithmic,
  };
  const wanted = Math.max(3, Math.floor(frame.width / 80));
  const xTicks =
    options.xKind === 'time' ? timeTicks(x.low, x.high, wanted) : linearTicks(x.low, x.high, wanted);
  const lines: Shape[] = [];
  series.forEach((each, k) => lines.push(...seriesShapes(each, curves[k]!, frame)));
  const shapes: Shape[] = [
    ...gridShapes(frame, xTicks, yTicks, colours),
    {
      kind: 'clip',
      x: frame.left,
      y: frame.top - 2,
      width: frame.width + 1,
      height: frame.height + 4,
      shapes: lines,
    },
  ];
  return { frame, shapes, curves };
}

function seriesShapes(series: Series, curve: Float64Array, frame: Frame): Shape[] {
  const out: Shape[] = [];
  const line = (values: Float64Array, width: number, opacity: number) => {
    const kept = downsample(series.x, values, frame.x.low, frame.x.high, frame.width);
    const points = new Float64Array(kept.x.length * 2);
    for (let i = 0; i < kept.x.length; i++) {
      points[2 * i] = xAt(frame, kept.x[i]!);
      points[2 * i + 1] = yAt(frame, kept.y[i]!);
    }
    out.push({
      kind: 'line',
      points,
      colour: series.colour,
      width,
      opacity,
      ...(series.dash ? { dash: series.dash } : {}),
    });
    return points;
  };
  if (curve !== series.y) line(series.y, 1, 0.22);
  const points = line(curve, 1.75, 1);
  if (series.dots || points.length <= 2)
    for (let i = 0; i + 1 < points.length; i += 2)
      if (Number.isFinite(points[i + 1]!))
        out.push({ kind: 'dot', x: points[i]!, y: points[i + 1]!, radius: 2.5, fill: series.colour });
  return out;
}

function gridShapes(frame: Frame, xTicks: Tick[], yTicks: Tick[], colours: Colours): Shape[] {
  const out: Shape[] = [];
  const bottom = frame.top + frame.height;
  for (const tick of yTicks) {
    const y = Math.round(yAt(frame, tick.at)) + 0.5;
    out.push({
      kind: 'rule',
      x1: frame.left,
      y1: y,
      x2: frame.left + frame.width,
      y2: y,
      colour: colours.grid,
      width: 1,
    });
    out.push({
      kind: 'text',
      x: frame.left - 8,
      y,
      text: tick.label,
      colour: colours.faint,
      size: 11,
      align: 'right',
    });
  }
  for (const tick of xTicks) {
    const x = Math.round(xAt(frame, tick.at)) + 0.5;
    out.push({ kind: 'rule', x1: x, y1: bottom, x2: x, y2: bottom + 4, colour: colours.grid, width: 1 });
    out.push({
      kind: 'text',
      x,
      y: bottom + 14,
      text: tick.label,
      colour: colours.faint,
      size: 11,
      align: 'center',
    });
  }
  out.push({
    kind: 'rule',
    x1: frame.left,
    y1: bottom + 0.5,
    x2: frame.left + frame.width,
    y2: bottom + 0.5,
    colour: colours.grid,
    width: 1,
  });
  return out;
}

export interface Reading {
  series: Series;
  x: number;
  y: number; // as measured
  smoothed: number;
}

/** Each series' point nearest to x. */
export function readingsAt(chart: Chart, series: Series[], x: number): Reading[] {
  const out: Reading[] = [];
  series.forEach((each, k) => {
    if (!each.x.length) return;
    let at = Math.min(each.x.length - 1, lowerBound(each.x, x));
    if (at > 0 && x - each.x[at - 1]! < each.x[at]! - x) at--;
    if (Number.isFinite(each.y[at]!))
      out.push({ series: each, x: each.x[at]!, y: each.y[at]!, smoothed: chart.curves[k]![at]! });
  });
  return out;
}

/** Zooms around `centre` by `factor` (below 1: closer), not beyond `all`. */
export function zoom(range: Range, all: Range, centre: number, factor: number): Range | null {
  const low = centre - (centre - range.low) * factor;
  const high = centre + (range.high - centre) * factor;
  if (high - low >= all.high - all.low) return null;
  return shiftInto({ low, high }, all);
}

export function shiftInto(range: Range, all: Range): Range {
  const shift = Math.max(0, all.low - range.low) - Math.max(0, range.high - all.high);
  return { low: range.low + shift, high: range.high + shift };
}

/** One row for each x that any series has; columns are the series. */
export function toCsv(series: Series[], xName: string): string {
  const at = new Map<number, (number | undefined)[]>();
  series.forEach((each, k) =>
    each.x.forEach((x, i) => {
      const row = at.get(x) ?? new Array<number | undefined>(series.length).fill(undefined);
      row[k] = each.y[i]!;
      at.set(x, row);
    }),
  );
  const head = [xName, ...series.map((each) => each.name)].map(quoted).join(',');
  const rows = [...at]
    .sort((a, b) => a[0] - b[0])
    .map(([x, row]) => [x, ...row.map((y) => (y === undefined || !Number.isFinite(y) ? '' : y))].join(','));
  return `${[head, ...rows].join('\n')}\n`;
}

const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
