// What a training told that its user should know: its remarks and warnings, each with its place (docs/formats.md, Events).
import type { JobEvent } from './types';

export const remarkKinds = [
  'overfitting',
  'mel_above_text',
  'skipped',
  'returned',
  'memory',
  'disk',
  'sample',
  'failed',
  'warning',
] as const;
export type RemarkKind = (typeof remarkKinds)[number];

export interface Remark {
  seq: number;
  time: number;
  kind: RemarkKind;
  text: string;
  it: number | null; // null: none is named
  clips?: string[];
  sample?: number | 'all'; // which one of the iteration could not be spoken
}

export const remarkTypes = 'log,remark,failed';

/** null: nothing that concerns more than the console. */
export function remarkOf(event: JobEvent): Remark | null {
  const { seq, time } = event;
  const text = String(event.message ?? '');
  const it = typeof event.it === 'number' ? event.it : null;
  const kind = kindOf(event.type === 'remark' ? event.name : event.about);
  switch (event.type) {
    case 'failed':
      return { seq, time, kind: 'failed', text: [event.reason, event.hint].filter(Boolean).join(' '), it };
    case 'remark':
      return { seq, time, kind, text, it };
    case 'log':
      if (!event.about && event.level !== 'warning' && event.level !== 'error') return null;
      if (kind === 'sample') return { seq, time, kind, text, it, sample: numberOf(event.number) };
      return { seq, time, kind, it, ...clipsOf(event, text) };
  }
  return null;
}

const kindOf = (name: unknown): RemarkKind => remarkKinds.find((each) => each === name) ?? 'warning';
const numberOf = (number: unknown) => (typeof number === 'number' ? number : 'all');

/** Clips that have fields of their own need not stand in the text. */
function clipsOf(event: JobEvent, text: string): { text: string; clips?: string[] } {
  if (!Array.isArray(event.clips)) return { text };
  const clips = event.clips.map(String);
  return { text: text.replace(`; its clips: ${clips.join(', ')}`, ''), clips };
}
