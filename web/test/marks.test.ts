import { describe, expect, test } from 'vitest';
import type { Frame } from '../src/lib/chart';
import {
  epochEnds,
  iterationAt,
  markAt,
  markShapes,
  nextMark,
  placeOf,
  rateLeaps,
  type Mark,
} from '../src/lib/marks';
import { remarkOf } from '../src/lib/remarks';
import { silentSamples } from '../src/lib/silent';
import type { Columns } from '../src/lib/types';

const rates = (lr: number[]): Columns => ({ it: lr.map((_, i) => i + 1), lr });

describe('leaps of the learning rate', () => {
  test('are steps down, also when a thinned series spreads one over two points', () => {
    expect(rateLeaps(rates([8, 8, 4, 4, 4, 2]))).toEqual([
      { it: 3, from: 8, to: 4 },
      { it: 6, from: 4, to: 2 },
    ]);
    expect(rateLeaps(rates([8, 8, 6, 4, 4]))).toEqual([{ it: 4, from: 8, to: 4 }]);
  });
  test('are restarts of a cosine, and nothing of its arcs or of a warm-up', () => {
    const arc = (of: number, n: number) =>
      Array.from({ length: n }, (_, i) => (of / 2) * (1 + Math.cos((Math.PI * i) / n)));
    for (const n of [12, 40, 76, 78, 300]) {
      const leaps = rateLeaps(rates([...arc(1e-4, n), ...arc(5e-5, n)]));
      expect(
        leaps.map((leap) => [leap.it, leap.to]),
        String(n),
      ).toEqual([[n + 1, 5e-5]]);
    }
    expect(rateLeaps(rates(Array.from({ length: 50 }, (_, i) => Math.min(1, (i + 1) / 20))))).toEqual([]);
    expect(rateLeaps({ it: [1, 2] })).toEqual([]);
  });
});

describe('places', () => {
  const columns: Columns = {
    it: [1, 2, 3, 4, 5, 6],
    epoch: [1, 1, 1, 2, 2, 2],
    step: [1, 2, 3, 1, 2, 3],
    steps: [3, 3, 3, 3, 3, 3],
    time: [100, 110, 120, 130, 140, 150],
  };
  test('epochs end where their last iteration lies', () => {
    expect(epochEnds(columns, 'it')).toEqual([
      { epoch: 1, x: 3 },
      { epoch: 2, x: 6 },
    ]);
    expect(epochEnds(columns, 'time')[0]).toEqual({ epoch: 1, x: 20 });
    expect(epochEnds({ it: [1] }, 'it')).toEqual([]);
  });
  test('an iteration on each axis, and the iteration of a time', () => {
    expect(placeOf(columns, 'it', 4)).toBe(4);
    expect(placeOf(columns, 'time', 4)).toBe(30);
    expect(placeOf(columns, 'epoch', 4.5)).toBeCloseTo(1.5);
    expect(iterationAt(columns, 131)).toBe(4);
    expect(iterationAt(columns, 99)).toBeNull();
    expect(iterationAt({}, 99)).toBeNull();
  });
});

describe('marks', () => {
  const frame: Frame = {
    left: 0,
    top: 0,
    width: 100,
    height: 100,
    x: { low: 0, high: 100 },
    y: { low: 0, high: 1 },
    logarithmic: false,
  };
  const mark = (kind: Mark['kind'], x: number, faint = false): Mark => ({ kind, it: x, x, text: '', faint });
  const colours = { checkpoint: '#1', rate: '#2', epoch: '#3', skipped: '#4' };
  test('are pressed on a line, or more widely at the foot; not one that is gone', () => {
    const marks = [mark('checkpoint', 50), mark('skipped', 70), mark('checkpoint', 90, true)];
    expect(markAt(marks, frame, 53, 20, 4)?.x).toBe(50);
    expect(markAt(marks, frame, 57, 20, 4)).toBeNull();
    expect(markAt(marks, frame, 57, 95, 4)?.x).toBe(50);
    expect(markAt(marks, frame, 50, 20, 9, true)).toBeNull();
    expect(markAt(marks, frame, 70, 20, 4)).toBeNull();
    expect(markAt(marks, frame, 70, 99, 4)?.kind).toBe('skipped');
    expect(markAt(marks, frame, 90, 99, 4)).toBeNull();
  });
  test('are gone through one by one', () => {
    const marks = [mark('rate', 10), mark('checkpoint', 50)];
    expect(nextMark(marks, -Infinity, 1)?.x).toBe(10);
    expect(nextMark(marks, 10, 1)?.x).toBe(50);
    expect(nextMark(marks, 50, 1)).toBeNull();
    expect(nextMark(marks, 50, -1)?.x).toBe(10);
  });
  test('are drawn inside the view only, and of many epochs some', () => {
    expect(markShapes([mark('checkpoint', 500)], frame, colours, null)).toEqual([]);
    const epochs = Array.from({ length: 100 }, (_, i) => mark('epoch', i + 1));
    const drawn = markShapes(epochs, frame, colours, null).length;
    expect(drawn).toBeGreaterThan(2);
    expect(drawn).toBeLessThan(15);
    const picked = markShapes([mark('checkpoint', 5)], frame, colours, { kind: 'checkpoint', it: 5 });
    expect(picked[0]).toMatchObject({ width: 1.75 });
  });
});

describe('remarks', () => {
  const told = (message: string, more: object = {}, level = 'warning') =>
    remarkOf({ seq: 1, time: 2, type: 'log', level, message, ...more });
  test('say which iteration and which clips', () => {
    const clips = ['audio/a.wav', 'audio/b.wav'];
    expect(
      told('it changed nothing; its clips: audio/a.wav, audio/b.wav', { about: 'skipped', it: 812, clips }),
    ).toEqual({ seq: 1, time: 2, kind: 'skipped', it: 812, text: 'it changed nothing', clips });
    expect(told('a step ran out of memory', { about: 'memory', it: 9 })).toMatchObject({
      kind: 'memory',
      it: 9,
      text: 'a step ran out of memory',
    });
    expect(told('something else')).toMatchObject({ kind: 'warning', it: null });
    expect(told('of a later version', { about: 'weather', it: 3 })).toMatchObject({ kind: 'warning', it: 3 });
    expect(told('going on', {}, 'info')).toBeNull();
    expect(told('it overflowed', { about: 'skipped', it: 7 }, 'info')).toMatchObject({
      kind: 'skipped',
      it: 7,
    });
  });
  test('are the program’s own, and its failure', () => {
    expect(
      remarkOf({ seq: 1, time: 2, type: 'remark', name: 'overfitting', message: 'm', it: 5 }),
    ).toMatchObject({ kind: 'overfitting', it: 5, text: 'm' });
    expect(remarkOf({ seq: 1, time: 2, type: 'failed', reason: 'a', hint: 'b' })).toMatchObject({
      kind: 'failed',
      text: 'a b',
    });
    expect(remarkOf({ seq: 1, time: 2, type: 'metric', it: 5 })).toBeNull();
  });
  test('tell why a sample is missing', () => {
    const samples = [
      { iteration: 5, file: '5_1.wav', text: 'A', number: 1 },
      { iteration: 5, file: '5_2.wav', text: 'B', number: 2 },
      { iteration: 9, file: '9_1.wav', text: 'A', number: 1 },
    ];
    const of = (more: object) => [told('no room', { about: 'sample', ...more })!];
    expect(silentSamples(samples, [])).toEqual([{ iteration: 9, text: 'B', why: '' }]);
    expect(silentSamples(samples, of({ it: 9, number: 2 }))).toMatchObject([
      { iteration: 9, why: 'no room' },
    ]);
    expect(silentSamples(samples, of({ it: 12 })).at(-1)).toMatchObject({ iteration: 12, why: 'no room' });
  });
});
