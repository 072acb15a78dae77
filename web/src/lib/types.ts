// The answers of the HTTP API (docs/openapi.yaml), as far as the page reads them.

export type Value = boolean | number | string | number[] | string[];
export type Values = Record<string, Value>;

export interface Setting {
  key: string;
  label: string;
  help: string;
  unit?: string;
  type: 'boolean' | 'integer' | 'number' | 'text' | 'numbers' | 'texts';
  default: Value;
  min?: number;
  max?: number;
  choices?: string[];
  aliases?: Record<string, string>;
  advanced: boolean;
}

export interface Preset {
  name: string;
  label: string;
  help: string;
  values: Values;
}

export interface Schemas {
  dataset: Setting[];
  training: Setting[];
  app: Setting[];
  presets: Preset[];
}

export interface Problem {
  what: string;
  hint: string;
  kind: string;
  line?: number;
  column?: number;
  key?: string;
}

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
}

export interface FolderSize {
  name: string;
  files: number;
  bytes: number;
}

export interface Plan {
  lines: number;
  iterations_per_epoch: number;
  iterations: number;
  save_every: number;
  checkpoints: number;
}

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

export interface Configuration {
  settings: Values;
  exists: boolean;
  etag: string;
  dataset?: { train_lines?: number; validation_lines?: number };
  problem?: Problem;
  result?: Record<string, unknown>;
  remarks?: string[];
}

export interface ResumeState {
  file: string;
  model?: string;
  run: string;
  archived?: boolean;
  iteration: number;
  epoch?: number | null;
  time?: number;
  bytes?: number;
  complete: boolean;
  problem?: string;
}

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

export interface State {
  server: string;
  version: string;
  workspace: string;
  cursor: string;
  revision: number;
  time?: number;
  voices: Voice[];
  jobs: Job[];
  queue: Queue;
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
  milestones?: { it: number; what: 'save' | 'start' | 'learning_rate'; time?: number }[];
  next: number;
  reset?: boolean;
  thinned?: boolean;
}

export interface Sample {
  iteration: number;
  file: string;
  text?: string;
  seconds?: number;
  bytes?: number;
}

export interface Model {
  name: string;
  place: 'base' | 'finetune' | 'checkpoint' | 'whisper' | 'tokenizer';
  voice?: string;
  path: string;
  kind?: string;
  form?: string;
  bytes?: number;
  parameters?: number;
  origin?: string;
  problem?: string;
}

export interface ModelSource {
  name: string;
  about: string;
  licence: string;
  target: string;
  bytes?: number;
  there: boolean;
}

export interface Tokenizer {
  name: string;
  path?: string;
  language?: string;
  tokens_in_all: number;
  problem?: string;
}

export interface Tokenized {
  text: string;
  cleaned?: string;
  ids?: number[];
  tokens?: string[];
  unknown?: string[];
  dropped?: string[];
  error?: Problem;
}

export interface CoverageGap {
  character: string;
  name: string;
  count: number;
  lines: number;
  examples: string[];
  suggestion: string;
}

export interface Coverage {
  lines: number;
  lines_with_unknown: number;
  characters: number;
  tokens: number;
  characters_per_token: number;
  tokens_used: number;
  tokens_in_all: number;
  longest_line?: { tokens: number; where: string };
  unknown: CoverageGap[];
  dropped: CoverageGap[];
  rewritten: CoverageGap[];
  problems: { where: string; reason: string }[];
  sentences?: string[];
}

export interface System {
  version?: string;
  workspace?: string;
  disk?: { free?: number; total?: number };
  memory?: { total?: number; available?: number; server?: number };
  processors?: number;
  load?: number;
  device?: string;
  streams?: number;
}

export interface Check {
  name: string;
  verdict: 'ok' | 'warning' | 'problem';
  value: string;
  remedy?: string;
}
