// Ends of an axis as people write them: empty is where the values end, a time may be 1:30:00.
import type { Limits } from './chart';
import { clock, parseClock } from './format';

export interface LimitForm {
  xLow: string;
  xHigh: string;
  yLow: string;
  yHigh: string;
}

/** undefined: not given; null: no number */
export function readLimit(text: string, time: boolean): number | null | undefined {
  const words = text.trim();
  if (words === '') return undefined;
  if (time && words.includes(':')) return parseClock(words);
  const value = Number(words.replace(',', '.'));
  return Number.isFinite(value) ? value : null;
}

export function limitsOf(x: Limits | null, y: Limits | null, time: boolean): LimitForm {
  const number = (value: number | undefined) =>
    value === undefined ? '' : String(Number(value.toPrecision(5)));
  const along = (value: number | undefined) =>
    value === undefined ? '' : time && value >= 60 ? clock(value, 0) : number(value);
  return { xLow: along(x?.low), xHigh: along(x?.high), yLow: number(y?.low), yHigh: number(y?.high) };
}
