// Settings, the schemas that describe them, and what is configured with them.

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

export interface Plan {
  lines: number;
  iterations_per_epoch: number;
  iterations: number;
  save_every: number;
  checkpoints: number;
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

/** What POST …/configuration/import found. */
export interface Imported {
  settings: Values;
  from: string;
  not_understood: { key: string; line: number; why: string }[];
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
