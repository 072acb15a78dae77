import { expect, test } from 'vitest';
import { placeOf } from '../src/lib/align';

// Noise in bursts, so that its loudness tells where one is; the same at any rate.
function speech(seconds: number, rate: number, seed = 1): Float32Array {
  const random = (n: number) => {
    const x = Math.sin(n * 12.9898 + seed * 78.233) * 43758.5453;
    return x - Math.floor(x);
  };
  return Float32Array.from({ length: Math.round(seconds * rate) }, (_, i) => {
    const t = i / rate;
    return 0.5 * random(Math.floor(t * 9)) ** 2 * Math.sin(2 * Math.PI * 220 * t);
  });
}

test('a clip is found in its recording, at another rate', () => {
  const whole = { samples: speech(8, 44100), rate: 44100 };
  const low = speech(8, 22050);
  for (const from of [0, 1.5, 2.345]) {
    const part = {
      samples: low.slice(Math.round(from * 22050), Math.round((from + 4) * 22050)),
      rate: 22050,
    };
    expect(placeOf(part, whole)).toBeCloseTo(from, 2);
  }
});

test('a clip that begins before what was read, one that is louder, and one of something else', () => {
  const all = speech(8, 22050);
  const whole = { samples: all.slice(22050), rate: 22050 };
  expect(placeOf({ samples: all.slice(11025, 22050 * 5), rate: 22050 }, whole)).toBeCloseTo(-0.5, 2);
  const loud = all.slice(22050 * 2, 22050 * 6).map((each) => 1.9 * each);
  expect(placeOf({ samples: loud, rate: 22050 }, whole)).toBeCloseTo(1, 2);
  expect(placeOf({ samples: new Float32Array(22050), rate: 22050 }, whole)).toBeNull();
  expect(placeOf({ samples: new Float32Array(0), rate: 22050 }, whole)).toBeNull();
});
