// What a training told that its user should know: its remarks and warnings, each with its place. The texts of the
// program's warnings (src/training) say which iteration and which clips.
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

const forms: [RemarkKind, RegExp][] = [
  ['skipped', /^iteration (\d+) (?:gave|overflowed) .*changed nothing/],
  ['returned', /^\d+ steps in a row had to be skipped: the training goes back from iteration (\d+)/],
  ['memory', /^iteration (\d+): a (?:step|validation) ran out of memory/],
  ['memory', /^a (?:step|validation) ran out of memory/],
  ['disk', /^the checkpoint of iteration (\d+) could not be written/],
  ['sample', /^(?:sample \d+|the samples) of iteration (\d+) could not be spoken/],
];

/** null: nothing that concerns more than the console. */
export function remarkOf(event: JobEvent): Remark | null {
  const { seq, time } = event;
  if (event.type === 'failed')
    return {
      seq,
      time,
      kind: 'failed',
      text: [event.reason, event.hint].filter(Boolean).join(' '),
      it: null,
    };
  const text = String(event.message ?? '');
  if (event.type === 'remark') {
    const kind = event.name === 'overfitting' || event.name === 'mel_above_text' ? event.name : 'warning';
    return { seq, time, kind, text, it: typeof event.it === 'number' ? event.it : null };
  }
  if (event.type !== 'log') return null;
  for (const [kind, form] of forms) {
    const found = form.exec(text);
    if (!found) continue;
    const it = found[1] ? Number(found[1]) : null;
    const remark: Remark = { seq, time, kind, text, it };
    if (kind === 'skipped') {
      const [what, clips] = text.split('; its clips: ');
      if (clips) Object.assign(remark, { text: what, clips: clips.split(', ') });
    }
    if (kind === 'sample') {
      const number = /^sample (\d+)/.exec(text);
      remark.sample = number ? Number(number[1]) : 'all';
    }
    return remark;
  }
  return event.level === 'warning' || event.level === 'error'
    ? { seq, time, kind: 'warning', text, it: null }
    : null;
}
