// What of a recording is visible, and what lies under the pointer: arithmetic of the waveform editor.

export interface View {
  from: number; // s
  to: number; // s
}

export interface Region {
  id: number;
  start: number; // s
  end: number;
}

export type Grip =
  | { part: 'start' | 'end' | 'inside'; id: number }
  | { part: 'border'; id: number; next: number }
  | { part: 'none' };

export const xOf = (view: View, width: number, seconds: number) =>
  ((seconds - view.from) / (view.to - view.from)) * width;
export const secondsAt = (view: View, width: number, x: number) =>
  view.from + (x / width) * (view.to - view.from);

/** A view of `span` seconds with `centre` at `share` of the width, inside 0 .. length. */
export function viewAround(centre: number, span: number, length: number, share = 0.5): View {
  const wanted = Math.min(span, length);
  const from = Math.min(Math.max(0, centre - wanted * share), length - wanted);
  return { from, to: from + wanted };
}

/** Zooms with the place under the pointer kept; never closer than 50 ms, never beyond the recording. */
export function zoomView(view: View, at: number, factor: number, length: number): View {
  const span = Math.min(length, Math.max(0.05, (view.to - view.from) * factor));
  return viewAround(at, span, length, (at - view.from) / (view.to - view.from));
}

export function panView(view: View, by: number, length: number): View {
  const span = view.to - view.from;
  const from = Math.min(Math.max(0, view.from + by), Math.max(0, length - span));
  return { from, to: from + span };
}

/** The smallest change that shows a region with air at both sides; the same view when it is shown already. */
export function showRegion(view: View, region: Region, length: number): View {
  const span = view.to - view.from;
  const size = region.end - region.start;
  const air = Math.min(span * 0.1, 0.5);
  if (region.start - air >= view.from && region.end + air <= view.to && size > span * 0.08) return view;
  return viewAround(
    (region.start + region.end) / 2,
    Math.max(size * 1.6, Math.min(span, size * 6), 0.5),
    length,
  );
}

/** Regions ascending by start. The edge within `reach` seconds; two edges that touch are one border. */
export function gripAt(regions: Region[], seconds: number, reach: number): Grip {
  let best = { part: 'none' } as Grip;
  let least = reach;
  const consider = (distance: number, grip: Grip) => {
    if (distance >= least) return;
    least = distance;
    best = grip;
  };
  regions.forEach((region, i) => {
    const next = regions[i + 1];
    const joined = next !== undefined && Math.abs(next.start - region.end) < 0.001;
    const previous = regions[i - 1];
    if (!previous || Math.abs(previous.end - region.start) >= 0.001)
      consider(Math.abs(seconds - region.start), { part: 'start', id: region.id });
    consider(
      Math.abs(seconds - region.end),
      joined ? { part: 'border', id: region.id, next: next.id } : { part: 'end', id: region.id },
    );
  });
  if (best.part !== 'none') return best;
  const inside = regions.find((region) => seconds >= region.start && seconds < region.end);
  return inside ? { part: 'inside', id: inside.id } : best;
}

/** How far an edge may go: between the neighbours, within the recording, never past the other edge. */
export function edgeLimits(
  regions: Region[],
  grip: Grip,
  length: number,
  shortest = 0.05,
): { low: number; high: number } | null {
  if (grip.part === 'none' || grip.part === 'inside') return null;
  const at = regions.findIndex((region) => region.id === grip.id);
  const region = regions[at];
  if (!region) return null;
  if (grip.part === 'border') {
    const next = regions[at + 1];
    return next ? { low: region.start + shortest, high: next.end - shortest } : null;
  }
  if (grip.part === 'start')
    return { low: Math.max(0, regions[at - 1]?.end ?? 0), high: region.end - shortest };
  return { low: region.start + shortest, high: Math.min(length, regions[at + 1]?.start ?? length) };
}

/** Regions that touch the view, of a list ascending by start. */
export function visibleRegions<R extends Region>(regions: R[], view: View): R[] {
  return regions.filter((region) => region.end >= view.from && region.start <= view.to);
}

/** The word that is spoken at a time; -1 between words. */
export function wordAt(words: { start: number; end: number }[], seconds: number): number {
  return words.findIndex((word) => seconds >= word.start && seconds < word.end);
}

export type LoopPart = 'segment' | 'start' | 'end';
const edgeAir = 0.35; // s at either side of an edge

/** What a loop of a segment or of one of its edges plays. */
export function loopSpan(part: LoopPart, { start, end }: { start: number; end: number }): [number, number] {
  if (part === 'segment') return [start, end];
  const edge = part === 'start' ? start : end;
  return [Math.max(0, edge - edgeAir), edge + edgeAir];
}
