// What did not come into a dataset, out of report.json: what its steps rejected, and the doubtful lines.
import type { Line, Rejected } from './types';

export interface Report {
  lines?: Line[];
  [step: string]: unknown; // transcribe, diarize, slice, list
}

export interface LostRow {
  verdict: 'rejected' | 'doubtful';
  name: string; // of a recording or clip
  start?: number;
  end?: number;
  segment?: number;
  text: string;
  reason: string;
  clip: string; // '': none to listen to
}

const steps = ['transcribe', 'diarize', 'slice', 'list'];

/** Rejected ones first; what two steps reject counts once. */
export function lostRows(report: Report): LostRow[] {
  const rows: LostRow[] = [];
  const seen = new Set<string>();
  for (const step of steps)
    for (const each of rejectedOf(report[step])) {
      const key = `${each.file}|${each.start ?? ''}|${each.reason}`;
      if (seen.has(key)) continue;
      seen.add(key);
      const { file, start, end, text = '', reason } = each;
      rows.push({
        verdict: 'rejected',
        name: file,
        ...(start === undefined ? {} : { start }),
        ...(end === undefined ? {} : { end }),
        text,
        reason,
        clip: '',
      });
    }
  for (const line of report.lines ?? [])
    if (line.verdict === 'doubtful')
      rows.push({
        verdict: 'doubtful',
        name: line.recording ?? line.audio ?? '',
        ...(line.segment === undefined ? {} : { segment: line.segment }),
        text: line.text.trim(),
        reason: (line.reasons ?? []).join(' · '),
        clip: clipOf(line),
      });
  return rows;
}

export const clipOf = (line: Line) => (line.audio ?? '').replace(/^audio\//, '');

function rejectedOf(step: unknown): Rejected[] {
  const list = (step as { rejected?: unknown } | null | undefined)?.rejected;
  return Array.isArray(list) ? (list as Rejected[]) : [];
}
