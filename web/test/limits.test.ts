import { expect, test } from 'vitest';
import { limitsOf, readLimit } from '../src/lib/limits';
import { parts } from '../src/lib/marked';

test('ends of an axis: none, a number, a time, or nothing that can be meant', () => {
  expect(readLimit(' ', false)).toBeUndefined();
  expect(readLimit('0,5', false)).toBe(0.5);
  expect(readLimit('1:30:00', true)).toBe(5400);
  expect(readLimit('1:30', false)).toBeNull();
  expect(readLimit('1:xx', true)).toBeNull();
  expect(readLimit('much', true)).toBeNull();
});

test('what a zoom chose can be read back', () => {
  expect(limitsOf({ low: 5400, high: 7260 }, null, true)).toEqual({
    xLow: '1:30:00',
    xHigh: '2:01:00',
    yLow: '',
    yHigh: '',
  });
  expect(limitsOf({ low: 100.123456 }, { high: 2 }, false)).toEqual({
    xLow: '100.12',
    xHigh: '',
    yLow: '',
    yHigh: '2',
  });
});

test('hits are every second part, whatever their case', () => {
  expect(parts('Loss of loss', 'LOSS')).toEqual(['', 'Loss', ' of ', 'loss', '']);
  expect(parts('nothing', 'x')).toEqual(['nothing']);
  expect(parts('all', '')).toEqual(['all']);
  expect(parts('İstanbul', 'i').join('')).toBe('İstanbul');
});
