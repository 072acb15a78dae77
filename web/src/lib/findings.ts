// What validation found, beside the settings it concerns.
import { remedy } from './remedy';
import type { Value } from './types';

export interface Finding {
  name: string;
  level: 'ok' | 'suggestion' | 'problem';
  value: string;
  remedy?: string;
}

export interface Suggestion {
  key: string;
  from: Value;
  to: Value;
  reason: string;
}

export interface Validation {
  verdict: 'go' | 'caution' | 'no-go';
  findings: Finding[];
  suggestions: Suggestion[];
}

const settingOf: Record<string, string> = {
  tokenizer: 'tokenizer_json',
  vocabulary: 'tokenizer_json',
  'validation list': 'validation_enabled',
  'resume state': 'resume_state',
  'source model': 'source_model',
  DVAE: 'dvae_model',
  length: 'epochs',
  'learning rate': 'learning_rate',
  disk: 'keep_states',
  memory: 'gradient_accumulation_size',
  device: 'gpus',
};

export interface FieldRemark {
  kind: 'bad' | 'warn' | 'info';
  text: string;
  apply?: { label: string; value: Value };
}

/** By key of a setting; what concerns none is under "". Findings that are all right say nothing. */
export function remarksOf(
  result: Validation,
  applyLabel: (value: Value) => string,
): Record<string, FieldRemark[]> {
  const out: Record<string, FieldRemark[]> = {};
  const put = (key: string, remark: FieldRemark) => (out[key] ??= []).push(remark);
  for (const finding of result.findings)
    if (finding.level !== 'ok')
      put(settingOf[finding.name] ?? '', {
        kind: finding.level === 'problem' ? 'bad' : 'warn',
        text: [finding.value, remedy(finding.remedy ?? '')].filter(Boolean).join('. '),
      });
  for (const { key, to, reason } of result.suggestions)
    put(key, { kind: 'warn', text: reason, apply: { label: applyLabel(to), value: to } });
  return out;
}
