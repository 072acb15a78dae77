import { describe, expect, test } from 'vitest';
import { about, bytes, clock, duration, languageName, measure, parseClock } from '../src/lib/format';

test.each([
  [0, '0.0 s'],
  [4.25, '4.3 s'],
  [9.96, '10 s'],
  [59.6, '1 min 00 s'],
  [95, '1 min 35 s'],
  [3599.6, '1 h 00 min'],
  [3723, '1 h 02 min'],
  [200_000, '2 d 8 h'],
  [-5, '−5.0 s'],
  [NaN, '–'],
])('duration of %d s', (seconds, text) => expect(duration(seconds)).toBe(text));

test.each([
  [13, '13 s'],
  [266, '4 min'],
  [3580, '59 min 40 s'],
  [4000, '1 h 07 min'],
])('about %d s', (seconds, text) => expect(about(seconds)).toBe(text));

describe('places in a recording', () => {
  test.each([
    [0, '0:00.00'],
    [59.999, '1:00.00'],
    [62.5, '1:02.50'],
    [3723.456, '1:02:03.46'],
  ])('%d s', (seconds, text) => expect(clock(seconds)).toBe(text));
  test('without digits', () => expect(clock(61.6, 0)).toBe('1:02'));
  test('are read back', () => {
    for (const seconds of [0, 7.25, 61.128, 3723.456])
      expect(parseClock(clock(seconds, 3))).toBeCloseTo(seconds, 3);
    expect(parseClock('1:2,5')).toBe(62.5);
    for (const wrong of ['', 'x', '1:2:3:4', '-1', '1::2']) expect(parseClock(wrong)).toBeNull();
  });
});

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1536, '1.54 KB'],
  [999_999, '1 MB'],
  [1_716_988_501, '1.72 GB'],
])('%d bytes', (size, text) => expect(bytes(size)).toBe(text));

test.each([
  [0.00001, '1e-5'],
  [0.000012345, '1.23e-5'],
  [3.14159, '3.142'],
  [12345.6, '12,346'],
  [0, '0'],
  [null, '–'],
])('measure %s', (value, text) => expect(measure(value)).toBe(text));

test('languages are named, where there is such a code', () =>
  expect(['de', 'yue', '', 'english please', 'q'].map(languageName)).toEqual([
    'German',
    'Cantonese',
    '',
    '',
    '',
  ]));
