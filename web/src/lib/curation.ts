// The list of segments as it is shown: order, filters, what an edit's answer changes in it.
import type { Edit, EditResult, Segment, Transcript } from './types';

export type Order = 'time' | 'verdict' | string; // or the key of a score

export interface Filter {
  recording: string; // '': all
  verdict: 'all' | 'good' | 'doubtful' | 'rejected' | 'none' | 'open' | 'accepted'; // open: not accepted and not good
  search: string;
  score: string; // key of a score; '': none
  least: number | null;
  most: number | null;
}

export const everything: Filter = {
  recording: '',
  verdict: 'all',
  search: '',
  score: '',
  least: null,
  most: null,
};

export const keyOf = (segment: { recording: string; segment: number }) =>
  `${segment.recording}:${segment.segment}`;

export function filtered(segments: Segment[], filter: Filter): Segment[] {
  const words = filter.search.trim().toLowerCase();
  return segments.filter((segment) => {
    if (filter.recording && segment.recording !== filter.recording) return false;
    if (!verdictFits(segment, filter.verdict)) return false;
    if (
      words &&
      !segment.text.toLowerCase().includes(words) &&
      !segment.speaker?.toLowerCase().includes(words)
    )
      return false;
    if (!filter.score) return true;
    const value = segment.scores?.[filter.score];
    if (value === undefined) return false;
    return (filter.least === null || value >= filter.least) && (filter.most === null || value <= filter.most);
  });
}

function verdictFits(segment: Segment, wanted: Filter['verdict']): boolean {
  const verdict = segment.verdict ?? null;
  if (wanted === 'all') return true;
  if (wanted === 'none') return verdict === null;
  if (wanted === 'accepted') return segment.accepted === true;
  if (wanted === 'open') return !segment.accepted && verdict !== 'good';
  return verdict === wanted;
}

const rank = { rejected: 0, doubtful: 1, none: 2, good: 3 };

/** By time: as the recordings come in `order`. */
export function ordered(segments: Segment[], by: Order, order: string[]): Segment[] {
  const place = new Map(order.map((name, i) => [name, i]));
  const inTime = (a: Segment, b: Segment) =>
    (place.get(a.recording) ?? Infinity) - (place.get(b.recording) ?? Infinity) ||
    a.start - b.start ||
    a.segment - b.segment;
  if (by === 'time') return [...segments].sort(inTime);
  if (by === 'verdict')
    return [...segments].sort(
      (a, b) => rank[a.verdict ?? 'none'] - rank[b.verdict ?? 'none'] || inTime(a, b),
    );
  return [...segments].sort(
    (a, b) => (b.scores?.[by] ?? -Infinity) - (a.scores?.[by] ?? -Infinity) || inTime(a, b),
  );
}

/** What the server answered to an edit, before the whole list is asked for again: verdicts of untouched
 * segments stay, those of changed ones are not known. */
export function withResult(transcript: Transcript, result: EditResult): Transcript {
  const before = new Map(transcript.segments.map((segment) => [keyOf(segment), segment]));
  const changed = new Map(result.recordings.map((each) => [each.recording, each]));
  const segments = transcript.segments.filter((segment) => !changed.has(segment.recording));
  for (const { recording, segments: fresh } of result.recordings)
    for (const segment of fresh) {
      const old = before.get(keyOf({ recording, segment: segment.segment }));
      const same = old && old.text === segment.text && old.start === segment.start && old.end === segment.end;
      const kept = same
        ? { verdict: old.verdict ?? null, scores: old.scores ?? {}, reasons: old.reasons ?? [] }
        : { verdict: null };
      segments.push({ ...kept, ...segment, recording });
    }
  const recordings = transcript.recordings.map((each) => {
    const now = changed.get(each.recording);
    return now ? { ...each, ...heading(now) } : each;
  });
  for (const [recording, now] of changed)
    if (!recordings.some((each) => each.recording === recording))
      recordings.push({ recording, ...heading(now) });
  return { ...transcript, recordings, segments, history: result.history };
}

const heading = ({ digest, text, language, segments }: EditResult['recordings'][number]) => ({
  digest,
  text,
  ...(language === undefined ? {} : { language }),
  segments: segments.length,
});

/** Scores that any segment has, to filter and sort by. */
export function scoreKeys(segments: Segment[]): string[] {
  const keys = new Set<string>();
  for (const segment of segments)
    for (const [key, value] of Object.entries(segment.scores ?? {}))
      if (typeof value === 'number') keys.add(key);
  return [...keys];
}

export type BulkKind = 'accept' | 'unaccept' | 'delete';

/** Those that it would change. */
export const toChange = (kind: BulkKind, segments: Segment[]): Segment[] =>
  kind === 'delete' ? segments : segments.filter((each) => !each.accepted === (kind === 'accept'));

/** The same for all of `shown`: one edit for a recording where nothing of it is left out, else one for each segment. */
export function bulkEdits(kind: BulkKind, shown: Segment[], all: Segment[]): Edit[] {
  const there = byRecording(all);
  return [...byRecording(shown)].flatMap(([recording, segments]): Edit[] => {
    const changing = toChange(kind, segments);
    if (changing.length > 1 && segments.length === there.get(recording)?.length)
      return [{ edit: kind, recording }];
    return changing.map((each) => ({ edit: kind, recording, segment: each.segment }));
  });
}

function byRecording(segments: Segment[]): Map<string, Segment[]> {
  const groups = new Map<string, Segment[]>();
  for (const each of segments) {
    const group = groups.get(each.recording);
    if (group) group.push(each);
    else groups.set(each.recording, [each]);
  }
  return groups;
}

/** What edits will make of the list, as far as that is known before the server has answered: splitting and merging are
 * its business. */
export function foreseen(transcript: Transcript, edits: Edit[]): Transcript {
  let { segments, recordings } = transcript;
  for (const edit of edits) {
    const meant = (each: Segment) =>
      each.recording === edit.recording && (edit.segment === undefined || each.segment === edit.segment);
    const change = (more: (segment: Segment) => Partial<Segment>) =>
      (segments = segments.map((each) => (meant(each) ? { ...each, ...more(each) } : each)));
    const touched = { verdict: null, accepted: false, edited: true };
    if (edit.edit === 'accept' || edit.edit === 'unaccept')
      change(() => ({ accepted: edit.edit === 'accept' }));
    else if (edit.edit === 'text')
      change((old) => (old.text === edit.value ? {} : { ...touched, text: edit.value ?? '' }));
    else if (edit.edit === 'speaker') change(() => ({ speaker: edit.value ?? '' }));
    else if (edit.edit === 'delete') segments = segments.filter((each) => !meant(each));
    else if (edit.edit === 'move-boundary' && edit.border === undefined)
      change((old) => ({ ...touched, start: edit.start ?? old.start, end: edit.end ?? old.end }));
    else if (edit.edit === 'move-boundary') {
      const border = edit.border!;
      const next = after(segments, edit);
      change(() => ({ ...touched, end: border }));
      segments = segments.map((each) =>
        next && keyOf(each) === keyOf(next) ? { ...each, ...touched, start: border } : each,
      );
    } else if (edit.edit === 'language')
      recordings = recordings.map((each) =>
        each.recording === edit.recording ? { ...each, language: edit.value ?? '' } : each,
      );
  }
  return segments === transcript.segments && recordings === transcript.recordings
    ? transcript
    : { ...transcript, segments, recordings };
}

function after(segments: Segment[], edit: Edit): Segment | undefined {
  const list = segments.filter((each) => each.recording === edit.recording).sort((a, b) => a.start - b.start);
  const place = list.findIndex((each) => each.segment === edit.segment);
  return place < 0 ? undefined : list[place + 1];
}

/** Moves an edge; two that touch are one border, as when they are dragged. Nothing beyond the recording's `length`. */
export function nudged(
  inRecording: Segment[], // by start
  segment: Segment,
  which: 'start' | 'end',
  by: number,
  length = Infinity,
): Edit | null {
  const place = inRecording.indexOf(segment);
  const [left, right] =
    which === 'start' ? [inRecording[place - 1], segment] : [segment, inRecording[place + 1]];
  const to = Math.round((segment[which] + by) * 1000) / 1000;
  if (to < 0 || to > length) return null;
  const base = { edit: 'move-boundary', recording: segment.recording } as const;
  if (left && right && Math.abs(right.start - left.end) < 0.001)
    return { ...base, segment: left.segment, border: to };
  return { ...base, segment: segment.segment, [which]: to };
}
