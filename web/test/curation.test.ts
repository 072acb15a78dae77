import { describe, expect, test } from 'vitest';
import {
  bulkEdits,
  everything,
  filtered,
  foreseen,
  keyOf,
  nudged,
  ordered,
  scoreKeys,
  toChange,
  withResult,
} from '../src/lib/curation';
import { diffWords } from '../src/lib/diff';
import { Heights } from '../src/lib/heights';
import { combination, commandOf, hotkeys } from '../src/lib/hotkeys';
import { alreadySo, glance, stillFit } from '../src/lib/look';
import type { Edit, EditResult, Segment, Transcript } from '../src/lib/types';
import {
  edgeLimits,
  gripAt,
  loopSpan,
  panView,
  showRegion,
  viewAround,
  wordAt,
  zoomView,
} from '../src/lib/waveview';
import { t } from '../src/text';

const segment = (id: number, start: number, more: Partial<Segment> = {}): Segment => ({
  recording: 'a.wav',
  segment: id,
  start,
  end: start + 1,
  text: ` text ${id}`,
  verdict: 'good',
  ...more,
});

describe('the list', () => {
  const all = [
    segment(1, 5, { verdict: 'doubtful', scores: { snr: 12 } }),
    segment(2, 0, { scores: { snr: 30 } }),
    segment(7, 1, { recording: 'b.wav', text: 'Other', verdict: null, accepted: true }),
  ];
  const ids = (list: Segment[]) => list.map((each) => each.segment);
  test('is filtered by verdict, words, recording and score', () => {
    expect(ids(filtered(all, { ...everything, verdict: 'doubtful' }))).toEqual([1]);
    expect(ids(filtered(all, { ...everything, verdict: 'none' }))).toEqual([7]);
    expect(ids(filtered(all, { ...everything, verdict: 'open' }))).toEqual([1]);
    expect(ids(filtered(all, { ...everything, verdict: 'accepted' }))).toEqual([7]);
    expect(ids(filtered(all, { ...everything, search: 'oTHer' }))).toEqual([7]);
    expect(ids(filtered(all, { ...everything, recording: 'a.wav' }))).toEqual([1, 2]);
    expect(ids(filtered(all, { ...everything, score: 'snr', least: 20, most: null }))).toEqual([2]);
    expect(ids(filtered(all, { ...everything, score: 'snr' }))).toEqual([1, 2]);
  });
  test('is ordered by time within the recordings’ order, by verdict, by a score', () => {
    expect(ids(ordered(all, 'time', ['b.wav', 'a.wav']))).toEqual([7, 2, 1]);
    expect(ids(ordered(all, 'verdict', ['a.wav', 'b.wav']))).toEqual([1, 7, 2]);
    expect(ids(ordered(all, 'snr', ['a.wav', 'b.wav']))).toEqual([2, 1, 7]);
    expect(scoreKeys(all)).toEqual(['snr']);
  });
  test('takes an edit’s answer: verdicts of untouched segments stay', () => {
    const transcript: Transcript = {
      voice: 'v',
      recordings: [
        { recording: 'a.wav', digest: 'old' },
        { recording: 'b.wav', digest: 'b' },
      ],
      segments: all,
      history: { undo: null, redo: null },
    };
    const { verdict: _, scores: __, ...same } = all[1]!;
    const after = withResult(transcript, {
      changed: true,
      notes: [],
      recordings: [
        {
          recording: 'a.wav',
          digest: 'new',
          text: '',
          language: 'de',
          segments: [{ ...segment(1, 5), text: ' changed' }, same as Segment].map(
            ({ verdict: _, ...rest }) => rest as Segment,
          ),
        },
      ],
      history: { undo: 'text', redo: null },
    });
    const find = (id: number) => after.segments.find((each) => each.segment === id)!;
    expect(find(1)).toMatchObject({ text: ' changed', verdict: null });
    expect(find(2)).toMatchObject({ verdict: 'good', scores: { snr: 30 } });
    expect(after.segments).toHaveLength(3);
    expect(after.recordings[0]).toMatchObject({ digest: 'new', language: 'de', segments: 2 });
    expect(after.history.undo).toBe('text');
    expect(keyOf(find(7))).toBe('b.wav:7');
  });
});

describe('edits', () => {
  const [a, b, c] = [segment(1, 0), segment(2, 1, { accepted: true }), segment(3, 2)];
  const other = segment(9, 0, { recording: 'b.wav' });
  const transcript: Transcript = {
    voice: 'v',
    recordings: [{ recording: 'a.wav', language: 'en' }, { recording: 'b.wav' }],
    segments: [a, b, c, other],
    history: { undo: null, redo: null },
  };
  const seen = () =>
    new Map([
      ['a.wav', { digest: 'd', language: 'en', segments: [a, b, c] }],
      ['b.wav', { digest: 'e', language: '', segments: [other] }],
    ]);
  const now = (segments: Segment[], language = 'en'): EditResult => ({
    changed: false,
    notes: [],
    history: { undo: null, redo: null },
    recordings: [{ recording: 'a.wav', digest: 'new', text: '', language, segments }],
  });
  const edit = (more: Partial<Edit>): Edit => ({ edit: 'text', recording: 'a.wav', segment: 1, ...more });

  test('of many are one for a recording that is meant whole', () => {
    expect(bulkEdits('accept', [a, c, b, other], transcript.segments)).toEqual([
      { edit: 'accept', recording: 'a.wav' },
      { edit: 'accept', recording: 'b.wav', segment: 9 },
    ]);
    expect(bulkEdits('accept', [a, b], transcript.segments)).toEqual([
      { edit: 'accept', recording: 'a.wav', segment: 1 },
    ]);
    expect(bulkEdits('unaccept', transcript.segments, transcript.segments)).toEqual([
      { edit: 'unaccept', recording: 'a.wav', segment: 2 },
    ]);
    expect(bulkEdits('delete', [a, b], transcript.segments)).toHaveLength(2);
    expect(toChange('accept', [b])).toEqual([]);
  });
  test('are shown before they are saved', () => {
    const after = (...edits: Edit[]) => foreseen(transcript, edits);
    const find = (list: Transcript, id: number) => list.segments.find((each) => each.segment === id)!;
    const moved = after(edit({ edit: 'move-boundary', segment: 2, border: 1.9 }));
    expect(find(moved, 2)).toMatchObject({ end: 1.9, verdict: null, accepted: false, edited: true });
    expect(find(moved, 3)).toMatchObject({ start: 1.9, end: 3 });
    expect(find(after(edit({ edit: 'move-boundary', end: 0.8 })), 1)).toMatchObject({ start: 0, end: 0.8 });
    expect(find(after(edit({ value: ' new' })), 1)).toMatchObject({ text: ' new', edited: true });
    expect(find(after(edit({ value: a!.text })), 1)).toEqual(a);
    const whole = after({ edit: 'accept', recording: 'a.wav' });
    expect(whole.segments.map((each) => each.accepted ?? false)).toEqual([true, true, true, false]);
    expect(after(edit({ edit: 'delete' })).segments).toEqual([b, c, other]);
    expect(after({ edit: 'language', recording: 'a.wav', value: 'de' }).recordings[0]!.language).toBe('de');
    expect(after(edit({ edit: 'split', time: 0.5 }))).toBe(transcript);
  });
  test('move an edge, or the border of two', () => {
    const list = [a!, b!, { ...c!, start: 2.5 }];
    const base = { edit: 'move-boundary', recording: 'a.wav' };
    expect(nudged(list, list[0]!, 'end', 0.01)).toEqual({ ...base, segment: 1, border: 1.01 });
    expect(nudged(list, list[1]!, 'start', -0.05)).toEqual({ ...base, segment: 1, border: 0.95 });
    expect(nudged(list, list[1]!, 'end', 0.01)).toEqual({ ...base, segment: 2, end: 2.01 });
    expect(nudged(list, list[0]!, 'start', -0.01)).toBeNull();
    expect(nudged(list, list[2]!, 'end', 0.01, 3)).toBeNull();
  });
  test('meet only changes of what they are about', () => {
    const changed = [a!, { ...b!, text: ' theirs' }, c!];
    expect(stillFit([edit({ value: ' mine' })], seen(), now(changed))).toBe(true);
    expect(stillFit([edit({ segment: 2, value: ' mine' })], seen(), now(changed))).toBe(false);
    expect(stillFit([edit({ edit: 'merge' })], seen(), now(changed))).toBe(false);
    expect(stillFit([edit({ edit: 'move-boundary', end: 0.5 })], seen(), now([a!, b!]))).toBe(true);
    expect(stillFit([edit({ edit: 'accept', segment: 3 })], seen(), now([a!, b!]))).toBe(false);
    expect(stillFit([{ edit: 'accept', recording: 'a.wav' }], seen(), now(changed))).toBe(false);
    const language: Edit = { edit: 'language', recording: 'a.wav', value: 'fr' };
    expect(stillFit([language], seen(), now(changed))).toBe(true);
    expect(stillFit([language], seen(), now([a!, b!, c!], 'de'))).toBe(false);
    expect(stillFit([edit({ recording: 'b.wav', segment: 9 })], seen(), now(changed))).toBe(false);
  });
  test('are there already when only their answer was lost', () => {
    const so = (made: Partial<Edit>, ...there: Segment[]) => alreadySo([edit(made)], seen(), now(there));
    expect(so({ value: 'mine' }, { ...a!, text: ' mine' }, b!, c!)).toBe(true);
    expect(so({ value: 'mine' }, a!, b!, c!)).toBe(false);
    expect(so({ edit: 'accept' }, { ...a!, accepted: true }, b!, c!)).toBe(true);
    expect(so({ edit: 'unaccept' }, { ...a!, accepted: true }, b!, c!)).toBe(false);
    expect(so({ edit: 'delete' }, b!, c!)).toBe(true);
    expect(so({ edit: 'speaker', value: 'Grace' }, { ...a!, speaker: 'Grace' }, b!)).toBe(true);
    expect(so({ edit: 'move-boundary', end: 0.5 }, { ...a!, end: 0.5 }, b!)).toBe(true);
    expect(so({ edit: 'move-boundary', border: 1.2 }, { ...a!, end: 1.2 }, { ...b!, start: 1.2 })).toBe(true);
    expect(so({ edit: 'move-boundary', border: 1.2 }, { ...a!, end: 1.2 }, b!)).toBe(false);
    expect(so({ edit: 'merge' }, { ...a!, end: b!.end }, c!)).toBe(true);
    expect(so({ edit: 'merge' }, a!, b!, c!)).toBe(false);
    expect(so({ edit: 'split', time: 0.5 }, { ...a!, end: 0.5 }, segment(9, 0.5, { end: a!.end }), b!)).toBe(
      true,
    );
    expect(so({ edit: 'split', time: 0.5 }, { ...a!, end: 0.5 }, b!, c!)).toBe(false);
  });
  test('need the neighbours to be compared by, and no more', () => {
    const all = Array.from({ length: 9 }, (_, i) => segment(i, i));
    const look = { digest: 'd', language: 'en', segments: all };
    const kept = (...edits: Edit[]) => glance(edits, 'a.wav', look).segments.map((each) => each.segment);
    expect(kept(edit({ segment: 4 }), edit({ segment: 8 }))).toEqual([3, 4, 5, 7, 8]);
    expect(kept(edit({ segment: 4, recording: 'b.wav' }))).toEqual([]);
    expect(kept({ edit: 'accept', recording: 'a.wav' })).toHaveLength(9);
  });
});

describe('the waveform', () => {
  const regions = [
    { id: 1, start: 0, end: 2 },
    { id: 2, start: 2, end: 4 },
    { id: 3, start: 5, end: 6 },
  ];
  test('is gripped at edges, borders and insides', () => {
    expect(gripAt(regions, 2.01, 0.1)).toEqual({ part: 'border', id: 1, next: 2 });
    expect(gripAt(regions, 4.05, 0.1)).toEqual({ part: 'end', id: 2 });
    expect(gripAt(regions, 5.05, 0.1)).toEqual({ part: 'start', id: 3 });
    expect(gripAt(regions, 1, 0.1)).toEqual({ part: 'inside', id: 1 });
    expect(gripAt(regions, 4.5, 0.1)).toEqual({ part: 'none' });
  });
  test('lets edges go as far as the neighbours', () => {
    expect(edgeLimits(regions, { part: 'end', id: 2 }, 10)).toEqual({ low: 2.05, high: 5 });
    expect(edgeLimits(regions, { part: 'start', id: 3 }, 10)).toEqual({ low: 4, high: 5.95 });
    expect(edgeLimits(regions, { part: 'end', id: 3 }, 10)?.high).toBe(10);
    expect(edgeLimits(regions, { part: 'border', id: 1, next: 2 }, 10)).toEqual({ low: 0.05, high: 3.95 });
    expect(edgeLimits(regions, { part: 'inside', id: 1 }, 10)).toBeNull();
  });
  test('zooms at the pointer, never out of the recording', () => {
    const view = zoomView({ from: 0, to: 10 }, 2, 0.5, 10);
    expect(view).toEqual({ from: 1, to: 6 });
    expect(zoomView(view, 2, 100, 10)).toEqual({ from: 0, to: 10 });
    expect(zoomView(view, 2, 1e-9, 10).to - zoomView(view, 2, 1e-9, 10).from).toBeCloseTo(0.05);
    expect(panView({ from: 4, to: 8 }, 99, 10)).toEqual({ from: 6, to: 10 });
    expect(viewAround(0, 4, 2)).toEqual({ from: 0, to: 2 });
  });
  test('shows a region and leaves a view that shows it already', () => {
    const view = { from: 0, to: 10 };
    expect(showRegion(view, { id: 1, start: 4, end: 6 }, 100)).toBe(view);
    const moved = showRegion(view, { id: 1, start: 50, end: 52 }, 100);
    expect(moved.from).toBeLessThan(50);
    expect(moved.to).toBeGreaterThan(52);
  });
  test('loops a segment or what is around an edge', () => {
    expect(loopSpan('segment', { start: 1, end: 3 })).toEqual([1, 3]);
    expect(loopSpan('start', { start: 0.1, end: 3 })).toEqual([0, 0.1 + 0.35]);
    expect(loopSpan('end', { start: 1, end: 3 })).toEqual([3 - 0.35, 3 + 0.35]);
  });
  test('knows the word that is spoken', () => {
    const words = [
      { start: 0, end: 1 },
      { start: 1.2, end: 2 },
    ];
    expect([0.5, 1.1, 1.2, 3].map((at) => wordAt(words, at))).toEqual([0, -1, 1, -1]);
  });
});

describe('differences of texts', () => {
  const show = (a: string, b: string) =>
    diffWords(a, b).map((piece) => `${{ same: '', gone: '-', new: '+' }[piece.kind]}${piece.text}`);
  test('are told by words', () => {
    expect(show('it was he said', 'it is he said so')).toEqual(['it', '-was', '+is', 'he said', '+so']);
    expect(show('', 'new')).toEqual(['+new']);
    expect(show('same  text', ' same text ')).toEqual(['same text']);
  });
  test('both sides can be put together again', () => {
    const a = 'one two three four five six seven';
    const b = 'zero two three five four seven eight';
    const pieces = diffWords(a, b);
    expect(
      pieces
        .filter((piece) => piece.kind !== 'new')
        .map((piece) => piece.text)
        .join(' '),
    ).toBe(a);
    expect(
      pieces
        .filter((piece) => piece.kind !== 'gone')
        .map((piece) => piece.text)
        .join(' '),
    ).toBe(b);
  });
});

describe('rows of unlike heights', () => {
  test('are placed by estimates until they are measured', () => {
    const rows = new Heights(2000, 40);
    expect(rows.total()).toBe(80_000);
    expect(rows.measured(10, 100)).toBe(60);
    expect(rows.total()).toBe(80_060);
    expect(rows.top(10)).toBe(400);
    expect(rows.top(11)).toBe(500);
    expect(rows.at(499)).toBe(10);
    expect(rows.at(500)).toBe(11);
    expect(rows.at(1e9)).toBe(1999);
    expect(rows.range(400, 100, 0)).toEqual({ first: 10, last: 11 });
  });
  test('of an empty list are none', () =>
    expect(new Heights(0, 40).range(0, 500, 100)).toEqual({ first: 0, last: -1 }));
});

describe('keys', () => {
  const press = (key: string, more = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...more,
  });
  test('are named with what is held', () => {
    expect(combination(press(' '))).toBe('Space');
    expect(combination(press('?', { shiftKey: true }))).toBe('?');
    expect(combination(press('z', { metaKey: true, shiftKey: true }))).toBe('Ctrl+Shift+Z');
  });
  test('lead to commands', () => {
    expect(commandOf(press('a'))).toBe('accept');
    expect(commandOf(press('Q', { shiftKey: true }))).toBe('startEarlier');
    expect(commandOf(press('a', { ctrlKey: true }))).toBeNull();
    expect(commandOf(press('z', { ctrlKey: true }))).toBe('undo');
  });
  test('mean one thing each, and each has words', () => {
    const all = hotkeys.flatMap((each) => each.keys as readonly string[]);
    expect(new Set(all).size).toBe(all.length);
    for (const { id } of hotkeys) expect(t.commands[id]).toBeTruthy();
  });
});
