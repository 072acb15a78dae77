import { describe, expect, test } from 'vitest';
import {
  drawChart,
  readingsAt,
  shiftInto,
  toCsv,
  valueAtX,
  valueAtY,
  within,
  xAt,
  yAt,
  yExtent,
  zoom,
  type ChartOptions,
  type Series,
} from '../src/lib/chart';
import { downsample, lowerBound } from '../src/lib/downsample';
import { toSvg } from '../src/lib/scene';
import { smooth } from '../src/lib/smooth';
import { linearTicks, logTicks, timeTicks } from '../src/lib/ticks';

const options: ChartOptions = { smoothing: 0, logarithmic: false, xKind: 'number', x: null, y: null };
const colours = { text: '#000', faint: '#888', grid: '#ddd', back: '#fff' };
const series = (x: number[], y: number[], name = 'loss'): Series => ({
  name,
  colour: '#123456',
  x: Float64Array.from(x),
  y: Float64Array.from(y),
});

describe('smoothing', () => {
  test('of a constant is the constant, from the first point on', () => {
    for (const value of smooth([3, 3, 3, 3], 0.9)) expect(value).toBeCloseTo(3, 12);
  });
  test('agrees with the weighted mean written out', () => {
    const values = [5, 1, 4, 2];
    const weight = 0.6;
    const weights = values.map((_, i) => weight ** (values.length - 1 - i));
    const mean =
      values.reduce((sum, value, i) => sum + value * weights[i]!, 0) / weights.reduce((a, b) => a + b, 0);
    expect(smooth(values, weight)[3]).toBeCloseTo(mean, 12);
  });
  test('weight 0 changes nothing, gaps stay gaps and do not spread', () => {
    expect([...smooth([1, 2], 0)]).toEqual([1, 2]);
    const [a, gap, b] = smooth([2, NaN, 2], 0.5);
    expect(a).toBeCloseTo(2);
    expect(gap).toBeNaN();
    expect(b).toBeCloseTo(2);
  });
});

describe('ticks', () => {
  test('stand at round places', () => {
    expect(linearTicks(0, 1, 5).map((tick) => tick.label)).toEqual(['0', '0.2', '0.4', '0.6', '0.8', '1.0']);
    expect(linearTicks(-3, 12, 3).map((tick) => tick.at)).toEqual([0, 5, 10]);
    expect(linearTicks(0, 1e-5, 2).map((tick) => tick.label)).toEqual(['0', '5e-6', '1e-5']);
  });
  test('of small numbers have one form', () => {
    expect(linearTicks(0, 0.001, 4).map((tick) => tick.label)).toEqual([
      '0',
      '2e-4',
      '4e-4',
      '6e-4',
      '8e-4',
      '1e-3',
    ]);
  });
  test('of nothing are none', () => {
    expect(linearTicks(1, 1, 5)).toEqual([]);
    expect(logTicks(0, 1)).toEqual([]);
  });
  test('on a logarithmic axis', () => {
    expect(logTicks(0.5, 20).map((tick) => tick.at)).toEqual([0.5, 1, 2, 5, 10, 20]);
    expect(
      logTicks(1e-6, 1).every((tick) => Number.isInteger(Math.round(Math.log10(tick.at) * 1e9) / 1e9)),
    ).toBe(true);
  });
  test('of time', () => {
    expect(timeTicks(0, 3600, 4).map((tick) => tick.label)).toEqual([
      '0:00',
      '15:00',
      '30:00',
      '45:00',
      '1:00:00',
    ]);
    expect(timeTicks(12.3, 12.9, 3).map((tick) => tick.label)).toEqual(['0:12.4', '0:12.6', '0:12.8']);
  });
});

describe('downsampling', () => {
  const x = Float64Array.from({ length: 100_000 }, (_, i) => i);
  const y = x.map((i) => Math.sin(i / 1000));
  test('keeps few points, in order, and every spike', () => {
    y[54_321] = 40;
    const kept = downsample(x, y, 0, 100_000, 500);
    expect(kept.x.length).toBeLessThan(500 * 4 + 1);
    expect(Math.max(...kept.y)).toBe(40);
    for (let i = 1; i < kept.x.length; i++) expect(kept.x[i]!).toBeGreaterThan(kept.x[i - 1]!);
  });
  test('keeps one neighbour outside the view, so that lines run to its edge', () => {
    const kept = downsample(x, y, 1000.5, 1010.5, 500);
    expect(kept.x[0]).toBe(1000);
    expect(kept.x.at(-1)).toBe(1012);
  });
  test('keeps gaps', () => {
    const gaps = y.slice();
    gaps.fill(NaN, 40_000, 60_000);
    expect(downsample(x, gaps, 0, 100_000, 100).y.some(Number.isNaN)).toBe(true);
  });
  test('finds by halves', () => {
    expect([0, 1, 2.5, 9].map((wanted) => lowerBound([1, 2, 3], wanted))).toEqual([0, 0, 2, 3]);
  });
});

describe('a chart', () => {
  const data = [series([1, 2, 3, 4], [10, 1, 5, 2])];
  test('maps places and values both ways, linear and logarithmic', () => {
    for (const logarithmic of [false, true]) {
      const { frame } = drawChart(data, { ...options, logarithmic }, 400, 200, colours);
      expect(valueAtX(frame, xAt(frame, 2.25))).toBeCloseTo(2.25);
      expect(valueAtY(frame, yAt(frame, 3.5))).toBeCloseTo(3.5);
      expect(yAt(frame, 10)).toBeLessThan(yAt(frame, 1));
    }
  });
  test('fits what is visible, and leaves values that a logarithm has not', () => {
    const x = { low: 2, high: 4 };
    expect(yExtent([data[0]!.y], data, { low: 3, high: 4 }, options).high).toBeLessThan(10);
    const extent = yExtent([Float64Array.from([0, -1, 5, 2])], data, x, { ...options, logarithmic: true });
    expect(extent.low).toBeGreaterThan(1);
  });
  test('leaves outliers out of its axis when asked to', () => {
    const many = [
      series(
        [...Array(100).keys()],
        [...Array(100).keys()].map((i) => (i === 50 ? 1000 : 1 + (i % 2))),
      ),
    ];
    const of = (typical: boolean) =>
      yExtent([many[0]!.y], many, { low: 0, high: 99 }, { ...options, typical }).high;
    expect(of(false)).toBeGreaterThan(1000);
    expect(of(true)).toBeLessThan(3);
  });
  test('has an axis with one end given, and never an empty one', () => {
    const all = { low: 0, high: 100 };
    expect(within(null, all)).toEqual(all);
    expect(within({ low: 20 }, all)).toEqual({ low: 20, high: 100 });
    expect(within({ high: 20 }, all)).toEqual({ low: 0, high: 20 });
    expect(within({ low: 150 }, all)).toEqual({ low: 150, high: 250 });
    expect(within({ high: -5 }, all)).toEqual({ low: -105, high: -5 });
  });
  test('reads the nearest point of each series', () => {
    const chart = drawChart(data, options, 400, 200, colours);
    expect(readingsAt(chart, data, 2.4).map((reading) => [reading.x, reading.y])).toEqual([[2, 1]]);
    expect(readingsAt(chart, data, 99)[0]!.x).toBe(4);
  });
  test('zooms around a place and stays inside', () => {
    const all = { low: 0, high: 100 };
    expect(zoom({ low: 0, high: 100 }, all, 30, 0.5)).toEqual({ low: 15, high: 65 });
    expect(zoom({ low: 0, high: 60 }, all, 0, 2)).toBeNull();
    expect(shiftInto({ low: -20, high: 10 }, all)).toEqual({ low: 0, high: 30 });
  });
  test('is the same as SVG, with texts escaped', () => {
    const chart = drawChart([{ ...data[0]!, name: 'a' }], options, 400, 200, colours);
    const svg = toSvg(chart.shapes, 400, 200, 'a < "b" & c');
    expect(svg).toContain('<title>a &lt; &quot;b&quot; &amp; c</title>');
    expect(svg).toContain('stroke="#123456"');
    expect(svg).not.toContain('NaN');
  });
  test('of no data draws axes only', () => {
    expect(drawChart([], options, 400, 200, colours).shapes.some((shape) => shape.kind === 'rule')).toBe(
      true,
    );
  });
  test('is a table: one row for each x', () => {
    expect(toCsv([series([1, 2], [0.5, NaN], 'text'), series([2, 3], [1, 2], 'a,"b"')], 'it')).toBe(
      'it,text,"a,""b"""\n1,0.5,\n2,,1\n3,,2\n',
    );
  });
});
