// What was seen of a recording when an edit began: whether the edit still fits what is there now, or is there already.
import type { Edit, EditResult, Segment } from './types';

/** What a reader sees of a recording when he begins an edit. */
export interface Look {
  digest: string;
  language: string;
  segments: Segment[];
}

/** True when what the edits are about is still what was seen: elsewhere the recording may have changed. */
export function stillFit(edits: Edit[], seen: Map<string, Look>, fresh: EditResult): boolean {
  return edits.every((edit) => {
    const before = seen.get(edit.recording);
    const now = fresh.recordings.find((each) => each.recording === edit.recording);
    if (!before || !now) return false;
    if (edit.edit === 'language') return before.language === (now.language ?? '');
    const around = edit.edit === 'merge' || edit.edit === 'split' || edit.edit === 'move-boundary' ? 1 : 0;
    return part(before.segments, edit, around) === part(now.segments, edit, around);
  });
}

/** True when what the edits want is there: they were saved, but the answer was lost on its way. */
export function alreadySo(edits: Edit[], seen: Map<string, Look>, fresh: EditResult): boolean {
  return edits.every((edit) => {
    const before = seen.get(edit.recording);
    const now = fresh.recordings.find((each) => each.recording === edit.recording);
    return before !== undefined && now !== undefined && done(edit, before, now);
  });
}

function done(edit: Edit, before: Look, now: EditResult['recordings'][number]): boolean {
  const { value = '' } = edit;
  if (edit.edit === 'language') return (now.language ?? '') === value;
  const { mine, next } = found(now.segments, edit);
  const [old] = found(before.segments, edit).mine;
  const oldNext = found(before.segments, edit).next;
  if (edit.edit === 'delete') return mine.length === 0;
  const [one] = mine;
  if (!one) return false;
  switch (edit.edit) {
    case 'text':
      return one.text.trim() === value.trim();
    case 'speaker':
      return mine.every((each) => (each.speaker ?? '') === value);
    case 'accept':
    case 'unaccept':
      return mine.every((each) => Boolean(each.accepted) === (edit.edit === 'accept'));
    case 'move-boundary':
      return edit.border === undefined
        ? one.start === (edit.start ?? one.start) && one.end === (edit.end ?? one.end)
        : one.end === edit.border && next?.start === edit.border;
    case 'merge':
      return oldNext !== undefined && one.end === oldNext.end && next?.segment !== oldNext.segment;
    case 'split':
      return (
        old !== undefined && one.end < old.end && next?.end === old.end && next.segment !== oldNext?.segment
      );
  }
}

/** All that an edit is about, and what follows it. */
function found(segments: Segment[], edit: Edit): { mine: Segment[]; next: Segment | undefined } {
  if (edit.segment === undefined) return { mine: segments, next: undefined };
  const list = inTime(segments);
  const place = list.findIndex((each) => each.segment === edit.segment);
  return place < 0 ? { mine: [], next: undefined } : { mine: [list[place]!], next: list[place + 1] };
}

/** As much of what was seen as the edits need to be compared by. */
export function glance(edits: Edit[], recording: string, look: Look): Look {
  const mine = edits.filter((edit) => edit.recording === recording);
  const whole = mine.some((edit) => edit.segment === undefined && edit.edit !== 'language');
  const ids = new Set(mine.map((edit) => edit.segment));
  const list = inTime(look.segments);
  const near = (at: number) => [at - 1, at, at + 1].some((each) => ids.has(list[each]?.segment ?? NaN));
  const segments = list
    .filter((_, at) => whole || near(at))
    .map(({ words: _, scores: __, reasons: ___, ...rest }) => rest);
  return { ...look, segments };
}

const inTime = (segments: Segment[]) => [...segments].sort((a, b) => a.start - b.start);

/** The segment meant, with so many neighbours at either side, as text to compare. */
function part(segments: Segment[], edit: Edit, around: number): string {
  const list = inTime(segments);
  const place = list.findIndex((each) => each.segment === edit.segment);
  const meant =
    edit.segment === undefined
      ? list
      : place < 0
        ? []
        : list.slice(Math.max(0, place - around), place + around + 1);
  return JSON.stringify(
    meant.map((each) => [each.segment, each.start, each.end, each.text.trim(), each.speaker ?? '']),
  );
}
