// Jobs, and the runs of trainings.
import type { Problem } from './settings';

export type JobState = 'waiting' | 'running' | 'stopping' | 'done' | 'stopped' | 'failed' | 'lost';

export interface Job {
  id: string;
  action: string;
  title?: string;
  voice?: string;
  run?: string;
  state: JobState;
  position?: number;
  created: number;
  started?: number;
  ended?: number;
  progress?: Progress;
  training?: Progress; // of stage train, the last: it stays while samples are spoken
  result?: Record<string, unknown>;
  error?: Problem;
  command?: string;
}

export interface Progress {
  time?: number;
  stage?: string;
  done?: number;
  total?: number;
  unit?: string;
  eta_seconds?: number | null;
  epoch?: number;
  epochs?: number;
  batch?: number;
  batches?: number;
  rate?: number;
  lr?: number;
  milestones?: { kind: string; iteration: number; iterations_left: number; seconds_left?: number | null }[];
  losses?: { text?: number; mel?: number; total?: number; validation?: number };
}

export interface Queue {
  paused: boolean;
  waiting: string[];
  running?: string[];
}

/** One line of a job's events.jsonl. */
export interface JobEvent {
  seq: number;
  time: number;
  type: string;
  [field: string]: unknown;
}

export interface Checkpoint {
  iteration: number;
  bytes: number;
  changed: number;
  ema?: boolean;
  state?: boolean;
  model?: string;
}

export interface Run {
  voice: string;
  run: string;
  kind: 'testudo' | 'log';
  archived?: boolean;
  active?: boolean;
  changed?: number;
  iteration?: number | null;
  checkpoints?: Checkpoint[];
}

export type Columns = Record<string, (number | null)[]>;

export interface Metrics {
  steps: Columns;
  validation: Columns;
  milestones?: { it: number; what: 'save' | 'end'; time?: number }[];
  next: number;
  reset?: boolean;
  thinned?: boolean;
}

export interface Sample {
  iteration: number;
  file: string;
  number?: number; // of the sentence, from 1
  text?: string;
  seconds?: number;
  bytes?: number;
}
