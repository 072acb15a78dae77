// Transcripts, their edits, and what the dataset made of them.

export interface Word {
  word: string;
  start: number;
  end: number;
  probability?: number;
}

export type Verdict = 'good' | 'doubtful' | 'rejected' | null;

export interface Segment {
  recording: string;
  segment: number;
  start: number;
  end: number;
  text: string;
  speaker?: string;
  accepted?: boolean;
  edited?: boolean;
  verdict?: Verdict;
  scores?: Record<string, number>;
  reasons?: string[];
  odd?: string[];
  words?: Word[];
}

export interface TranscriptRecording {
  recording: string;
  digest?: string;
  language?: string;
  text?: string;
  segments?: number;
  seconds?: number | null;
  problem?: string;
}

export interface HistoryState {
  undo: string | null;
  redo: string | null;
  steps?: number;
}

export interface Transcript {
  voice: string;
  recordings: TranscriptRecording[];
  segments: Segment[];
  history: HistoryState;
}

export interface Edit {
  edit:
    'text' | 'split' | 'merge' | 'move-boundary' | 'delete' | 'accept' | 'unaccept' | 'language' | 'speaker';
  recording: string;
  segment?: number;
  value?: string;
  word?: number;
  character?: number;
  time?: number;
  last?: number;
  start?: number;
  end?: number;
  border?: number;
  seen?: string;
}

export interface EditResult {
  changed: boolean;
  what?: string;
  notes: string[];
  recordings: { recording: string; digest: string; language?: string; text: string; segments: Segment[] }[];
  history: HistoryState;
}

export interface HistoryStep {
  number: number;
  time: number; // s since 1970
  what: string;
  recordings: string[];
}

export interface History {
  done: number; // so many of the steps are in force
  steps: HistoryStep[];
}

export interface Rejected {
  file: string;
  start?: number;
  end?: number;
  seconds?: number;
  text?: string;
  reason: string;
  kind?: string;
}

export interface Line {
  audio?: string;
  list?: string;
  recording?: string;
  segment?: number;
  text: string;
  verdict: string;
  reasons?: string[];
}

export interface Histogram {
  values: number;
  least: number;
  median: number;
  mean: number;
  most: number;
  low: number;
  width: number;
  counts: number[];
}

export interface Statistics {
  train_lines?: number;
  validation_lines?: number;
  seconds?: number;
  speech_share?: number | null;
  length?: Histogram;
  characters_per_second?: Histogram;
  loudness?: Histogram;
  snr?: Histogram;
  tokens?: Histogram;
  unknown_characters?: Record<string, number>;
  lost?: Record<string, { count: number; seconds: number }>;
  seconds_lost?: number;
}
