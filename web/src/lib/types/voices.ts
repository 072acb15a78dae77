// Voices and their recordings.
import type { Problem } from './settings';

export interface Voice {
  name: string;
  recordings: number;
  bytes: number;
  transcribed?: boolean;
  train_lines?: number;
  validation_lines?: number;
  doubtful?: number;
  seconds_kept?: number;
  configured?: boolean;
  iteration?: number | null;
  changed?: number;
}

export interface Recording {
  name: string;
  bytes: number;
  changed: number;
  seconds?: number | null;
  transcribed?: boolean;
  playable?: boolean;
}

export interface Upload {
  name: string;
  offset: number;
  total: number;
  complete: boolean;
  key?: string; // of those begun and not finished
  changed?: number;
}

export interface Recordings {
  recordings: Recording[];
  skipped: { file: string; reason: string }[];
  texts?: string[];
  uploads?: Upload[];
  problem?: Problem; // the transcript cannot be read
}
