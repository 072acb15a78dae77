// Where a job stands, in numbers and words.
import { t } from '../text';
import { bytes, count, duration } from './format';
import type { Job, Progress } from './types';

/** 0 .. 1; null: not known */
export function jobShare(job: Job): number | null {
  if (job.state === 'done') return 1;
  const progress = job.progress;
  if (!progress || !progress.total) return null;
  return Math.min(1, (progress.done ?? 0) / progress.total);
}

export function jobStage(job: Job): string {
  const progress = job.progress;
  if (!progress?.stage) return t.jobs.starting;
  const name = (t.stages as Record<string, string>)[progress.stage] ?? progress.stage;
  return `${name} ${amount(progress)}`.trim();
}

function amount({ done, total, unit }: Progress): string {
  if (total === undefined || done === undefined) return '';
  if (unit === 'bytes') return total > 0 ? `${bytes(done)} / ${bytes(total)}` : bytes(done);
  if (unit === 's') return `${duration(done)} / ${duration(total)}`;
  return `${count(done)} / ${count(total)} ${unit ?? ''}`.trim();
}
