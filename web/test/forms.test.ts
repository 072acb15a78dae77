import { describe, expect, test } from 'vitest';
import { fromField, toField } from '../src/lib/fields';
import { remarksOf } from '../src/lib/findings';
import { byText, nextPair, withVote } from '../src/lib/blind';
import { pixelsOf, shades } from '../src/lib/shades';
import type { Setting } from '../src/lib/types';
import { encodeWav } from '../src/lib/wav';
import { parseRoute } from '../src/lib/route';

const setting = (type: Setting['type'], more: Partial<Setting> = {}): Setting => ({
  key: 'k',
  label: 'K',
  help: '',
  type,
  default: 0,
  advanced: false,
  ...more,
});

describe('fields', () => {
  test('give values of their type', () => {
    expect(fromField(setting('integer', { min: 1, max: 9 }), ' 7 ')).toEqual({ value: 7 });
    expect(fromField(setting('number'), '1e-5')).toEqual({ value: 1e-5 });
    expect(fromField(setting('number'), '0,5')).toEqual({ value: 0.5 });
    expect(fromField(setting('numbers'), '[2, 4; 9 18]')).toEqual({ value: [2, 4, 9, 18] });
    expect(fromField(setting('texts'), 'One, two.\n\n Three.')).toEqual({ value: ['One, two.', 'Three.'] });
    expect(toField(['One, two.', 'Three.'])).toBe('One, two.\nThree.');
    expect(fromField(setting('text'), ' as it is ')).toEqual({ value: ' as it is ' });
  });
  test('say what is wrong', () => {
    for (const [kind, text] of [
      ['integer', '1.5'],
      ['integer', ''],
      ['number', 'x'],
      ['numbers', '1, x'],
      ['integer', '0'],
      ['integer', '99'],
    ] as const)
      expect(fromField(setting(kind, { min: 1, max: 9 }), text)).toHaveProperty('problem');
  });
  test('show what they gave', () => {
    for (const value of [3, 1e-5, 'text', [1, 2, 3]]) {
      const kind = Array.isArray(value) ? 'numbers' : typeof value === 'number' ? 'number' : 'text';
      expect(fromField(setting(kind), toField(value))).toEqual({ value });
    }
  });
});

test('findings stand beside the settings they concern', () => {
  const remarks = remarksOf(
    {
      verdict: 'caution',
      findings: [
        { name: 'disk', level: 'problem', value: 'full', remedy: 'Keep fewer.' },
        { name: 'lines', level: 'suggestion', value: 'few' },
        { name: 'tokenizer', level: 'ok', value: 'fine' },
      ],
      suggestions: [{ key: 'batch_size', from: 128, to: 64, reason: 'Few clips.' }],
    },
    (value) => `take ${value}`,
  );
  expect(remarks.keep_states).toEqual([{ kind: 'bad', text: 'full. Keep fewer.' }]);
  expect(remarks['']).toEqual([{ kind: 'warn', text: 'few' }]);
  expect(remarks.batch_size).toEqual([
    { kind: 'warn', text: 'Few clips.', apply: { label: 'take 64', value: 64 } },
  ]);
  expect(remarks.tokenizer_json).toBeUndefined();
});

describe('blind comparison', () => {
  const samples = [1, 2, 3].flatMap((iteration) =>
    ['a', 'b'].map((text) => ({ iteration, file: `${iteration}${text}`, text })),
  );
  test('pairs unlike checkpoints that say the same', () => {
    for (let k = 0; k < 50; k++) {
      const pair = nextPair(samples, Math.random)!;
      expect(pair.a.iteration).not.toBe(pair.b.iteration);
      expect(pair.a.text).toBe(pair.b.text);
    }
    expect(nextPair(samples.slice(0, 2), Math.random)).toBeNull();
    expect(byText(samples).size).toBe(2);
  });
  test('counts votes', () => {
    const pair = { text: 'a', a: samples[0]!, b: samples[2]! };
    let scores = withVote([], pair, 'b');
    scores = withVote(scores, pair, 'b');
    expect(scores).toEqual([
      { iteration: 2, won: 2, heard: 2 },
      { iteration: 1, won: 0, heard: 2 },
    ]);
    expect(withVote([], pair, 'same').map((score) => score.won)).toEqual([0.5, 0.5]);
  });
});

test('a recording is a WAV file of 16 bits', async () => {
  const view = new DataView(
    await encodeWav([Float32Array.from([0, 1, -1]), Float32Array.from([0.5])], 48000).arrayBuffer(),
  );
  expect(view.byteLength).toBe(44 + 8);
  expect(view.getUint32(24, true)).toBe(48000);
  expect([0, 1, 2, 3].map((i) => view.getInt16(44 + 2 * i, true))).toEqual([0, 32767, -32767, 16384]);
});

test('a spectrogram stands with low frequencies at the bottom', () => {
  const colours = shades([
    [0, 0, 0, 0],
    [1, 255, 255, 255],
  ]);
  const { width, height, pixels } = pixelsOf(Uint8Array.from([255, 0, 0, 0]), 2, colours);
  expect([width, height]).toEqual([2, 2]);
  expect([pixels[0], pixels[8]]).toEqual([0, 255]);
});

test('an address names page, voice and more', () => {
  expect(parseRoute('#/curate/ad%C3%A4/talk%2F1.wav/3')).toEqual({
    page: 'curate',
    voice: 'adä',
    rest: ['talk/1.wav', '3'],
  });
  expect(parseRoute('#/models')).toEqual({ page: 'models', voice: '', rest: [] });
  expect(parseRoute('#/nonsense/%E0%A4%A')).toMatchObject({ page: 'prepare' });
  expect(parseRoute('')).toEqual({ page: 'prepare', voice: '', rest: [] });
});
