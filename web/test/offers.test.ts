import { expect, test } from 'vitest';
import { filesIn, fitsFolder, type Entry } from '../src/lib/dropped';
import { languages, matching, whisperOffers } from '../src/lib/offers';
import { Speed } from '../src/lib/speed';
import type { Model, ModelSource } from '../src/lib/types';

const offers = [
  { value: 'de', label: 'German' },
  { value: 'en', label: 'English' },
];

test('offers: all until something is typed, then what has it', () => {
  expect(matching(offers, null)).toEqual(offers);
  expect(matching(offers, ' ')).toEqual(offers);
  expect(matching(offers, 'ENG').map((each) => each.value)).toEqual(['en']);
  expect(matching(offers, 'x')).toEqual([]);
});

test('languages have names and come by them', () => {
  const all = languages();
  expect(all.find((each) => each.value === 'de')?.label).toBe('German');
  expect(all.length).toBeGreaterThan(98);
  expect(all[0]!.label < all.at(-1)!.label).toBe(true);
});

test('Whisper models: those that are there, then those to be fetched, of the backend alone', () => {
  const models = [
    { name: 'tiny.en', place: 'whisper', path: '' },
    { name: 'ggml-base', place: 'whisper', path: '' },
    { name: 'autoregressive', place: 'base', path: '' },
  ] as Model[];
  const sources = ['whisper-tiny.en', 'whisper-base', 'ggml-tiny', 'dvae'].map((name) => ({
    name,
    bytes: 5,
  })) as ModelSource[];
  const words = { there: 'there', fetched: (bytes: number | undefined) => `fetch ${bytes}` };
  expect(whisperOffers(models, sources, false, words)).toEqual([
    { value: 'tiny.en', label: 'there' },
    { value: 'base', label: 'fetch 5' },
  ]);
  expect(whisperOffers(models, sources, true, words)).toEqual([
    { value: 'base', label: 'there' },
    { value: 'tiny', label: 'fetch 5' },
  ]);
});

test('dropped folders are gone through, whatever number their readers give at a time', async () => {
  const file = (name: string): Entry => ({
    isFile: true,
    isDirectory: false,
    name,
    file: (done) => done(new File(['x'], name)),
  });
  const folder = (name: string, children: Entry[]): Entry => ({
    isFile: false,
    isDirectory: true,
    name,
    createReader: () => {
      const left = [...children];
      return { readEntries: (done) => done(left.splice(0, 2)) };
    },
  });
  const found = await filesIn([
    file('chosen.docx'),
    folder('talks', [
      file('c.wav'),
      file('a.wav'),
      file('Thumbs.db'),
      folder('more', [file('b.MP3')]),
      file('.x.wav'),
    ]),
  ]);
  expect(found.map((each) => each.name)).toEqual(['chosen.docx', 'a.wav', 'c.wav', 'b.MP3']);
  expect(fitsFolder('x.txt')).toBe(true);
  expect(fitsFolder('wav')).toBe(false);
});

test('speed is that of the last seconds', () => {
  const speed = new Speed(4);
  expect(speed.rate).toBe(0);
  for (let i = 0; i <= 10; i++) speed.at(i, i < 5 ? 100 * i : 500 + 10 * (i - 5));
  expect(speed.rate).toBeCloseTo(10, 5);
  speed.at(11, 0);
  expect(speed.rate).toBe(0);
});
