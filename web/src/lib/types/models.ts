// Models, tokenizers, and what a tokenizer makes of a text.
import type { Problem } from './settings';

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
