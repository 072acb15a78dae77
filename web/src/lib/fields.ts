// Between what stands in a form's field and a setting's value.
import { t } from '../text';
import type { Setting, Value } from './types';

export function toField(value: Value | undefined): string {
  if (value === undefined) return '';
  if (!Array.isArray(value)) return String(value);
  // Texts may hold commas: one a line.
  return value.join(value.some((each) => typeof each === 'string') ? '\n' : ', ');
}

export type Parsed = { value: Value } | { problem: string };

export function fromField(setting: Setting, text: string): Parsed {
  const given = text.trim();
  switch (setting.type) {
    case 'boolean':
      return { value: given === 'true' };
    case 'text':
      return { value: text };
    case 'texts':
      return { value: lines(given) };
    case 'numbers': {
      const numbers = parts(given).map(toNumber);
      return numbers.some(Number.isNaN) ? { problem: t.field.numbers } : { value: numbers };
    }
    default: {
      const number = toNumber(given);
      if (Number.isNaN(number)) return { problem: t.field.number };
      if (setting.type === 'integer' && !Number.isInteger(number)) return { problem: t.field.whole };
      if (setting.min !== undefined && number < setting.min)
        return { problem: t.field.least(setting.min, setting.unit ?? '') };
      if (setting.max !== undefined && number > setting.max)
        return { problem: t.field.most(setting.max, setting.unit ?? '') };
      return { value: number };
    }
  }
}

function toNumber(text: string): number {
  // A comma as the decimal point only where there is no doubt: one, and no point.
  const plain = /^[^.,]*,[^.,]*$/.test(text) ? text.replace(',', '.') : text;
  return plain.trim() === '' ? NaN : Number(plain);
}

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);

const parts = (text: string) =>
  text
    .replace(/^\[|\]$/g, '')
    .split(/[,;\s]+/)
    .filter(Boolean);

export const sameValue = (a: Value | undefined, b: Value | undefined) =>
  JSON.stringify(a) === JSON.stringify(b);
