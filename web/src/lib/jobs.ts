// Where a job stands, in numbers and words.
import { t } from '../text';
import { bytes, count, duration } from './format';
import type { Job, Progress } from './types';

/** What a job told of its progress, taken down. */
export function takeProgress(job: Job, progress: Progress): void {
  job.progress = progress;
  if (isTraining(progress)) job.training = progress;
}

/** Where the job stands as a whole: a training goes on from there once its samples are spoken. */
export const mainProgress = (job: Job): Progress | undefined => job.training ?? job.progress;

/** 0 .. 1; null: not known */
export function jobShare(job: Job): number | null {
  if (job.state === 'done') return 1;
  const progress = mainProgress(job);
  if (!progress?.total) return null;
  return Math.min(1, (progress.done ?? 0) / progress.total);
}

export function jobStage(job: Job): string {
  const progress = mainProgress(job);
  if (!progress?.stage) return t.jobs.starting;
  return `${stageName(progress.stage)} ${amount(progress)}`.trim();
}

/** What a training does beside training, while it does; else "". */
export function jobAside(job: Job): string {
  const { progress } = job;
  if (!job.training || !progress?.stage || isTraining(progress)) return '';
  const { stage, done, total } = progress;
  if (done === undefined || !total) return stageName(stage);
  return done < total ? t.jobs.aside(stageName(stage), count(done), count(total)) : '';
}

const isTraining = (progress: Progress) => progress.stage === 'train';

/** Some stages name a file after their first word; one that is not known is shown as it is called. */
export function stageName(stage: string): string {
  const names = t.stages as Record<string, string>;
  const [first = '', ...rest] = stage.split(' ');
  const known = names[stage] ?? (names[first] && [names[first], ...rest].join(' '));
  if (known) return known;
  const words = stage.replaceAll(/[_-]+/g, ' ').trim();
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

function amount({ done, total, unit }: Progress): string {
  if (total === undefined || done === undefined) return '';
  if (unit === 'bytes') return total > 0 ? `${bytes(done)} / ${bytes(total)}` : bytes(done);
  if (unit === 's') return `${duration(done)} / ${duration(total)}`;
  if (unit === '%') return `${count(done)} %`;
  return `${count(done)} / ${count(total)} ${unit ?? ''}`.trim();
}
