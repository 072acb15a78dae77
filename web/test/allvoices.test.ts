import { expect, test } from 'vitest';
import { jobsOf, planOf, type Action } from '../src/lib/allvoices';
import type { Voice } from '../src/lib/types';

const voices: Voice[] = [
  { name: 'new', recordings: 3, bytes: 1 },
  { name: 'heard', recordings: 3, bytes: 1, transcribed: true },
  { name: 'listed', recordings: 3, bytes: 1, transcribed: true, train_lines: 9 },
  { name: 'empty', recordings: 0, bytes: 0 },
  { name: 'busy', recordings: 1, bytes: 1 },
];
const plan = (chosen: Action[], ticks = {}) => planOf(voices, chosen, (name) => name === 'busy', ticks);
const todo = (chosen: Action[], ticks = {}) =>
  Object.fromEntries(plan(chosen, ticks).map((each) => [each.voice, each.todo]));

test('what is done already is left out, unless it is ticked', () => {
  expect(todo(['prepare'])).toEqual({
    new: ['prepare'],
    heard: ['prepare'],
    listed: [],
    empty: [],
    busy: [],
  });
  expect(todo(['prepare'], { listed: true, new: false, empty: true, busy: true })).toEqual({
    new: [],
    heard: ['prepare'],
    listed: ['prepare'],
    empty: [],
    busy: [],
  });
});

test('of several steps each voice gets those that it lacks', () => {
  const chosen: Action[] = ['transcribe', 'slice', 'dataset'];
  expect(todo(chosen)).toMatchObject({ new: chosen, heard: ['slice', 'dataset'], listed: [] });
  expect(jobsOf(plan(chosen), chosen)).toEqual([
    { action: 'transcribe', voice: 'new' },
    { action: 'slice', voice: 'new' },
    { action: 'slice', voice: 'heard' },
    { action: 'dataset', voice: 'new' },
    { action: 'dataset', voice: 'heard' },
  ]);
  expect(todo(['transcribe', 'diarize'])).toMatchObject({ listed: ['diarize'] });
  expect(plan([]).every((each) => !each.ticked)).toBe(true);
});
