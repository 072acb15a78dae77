// The list of segments as it is shown: order, filters, what an edit's answer changes in it.
import type { EditResult, Segment, Transcript } from './types';

export type Order = 'time' | 'verdict' | string; // or the key of a score

export interface Filter {
  recording: string; // '': all
  verdict: 'all' | 'good' | 'doubtful' | 'rejected' | 'none' | 'open'; // open: not accepted and not good
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
    return now ? { ...each, digest: now.digest, text: now.text, segments: now.segments.length } : each;
  });
  for (const [recording, now] of changed)
    if (!recordings.some((each) => each.recording === recording))
      recordings.push({ recording, digest: now.digest, text: now.text, segments: now.segments.length });
  return { ...transcript, recordings, segments, history: result.history };
}

/** Scores that any segment has, to filter and sort by. */
export function scoreKeys(segments: Segment[]): string[] {
  const keys = new Set<string>();
  for (const segment of segments)
    for (const [key, value] of Object.entries(segment.scores ?? {}))
      if (typeof value === 'number') keys.add(key);
  return [...keys];
}
