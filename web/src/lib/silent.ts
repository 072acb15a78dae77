// Samples that one would look for in vain, and why.
import { byText } from './blind';
import type { Remark } from './remarks';
import type { Sample } from './types';

export interface Silent {
  iteration: number;
  text: string;
  why: string; // empty: nothing was told
}

/** Of each checkpoint that spoke anything, what others said and it did not; and those that could not speak at all. */
export function silentSamples(samples: Sample[], remarks: Remark[]): Silent[] {
  const told = remarks.filter((remark) => remark.kind === 'sample' && remark.it !== null);
  const texts = byText(samples);
  const spoke = new Set(samples.map((each) => each.iteration));
  const out: Silent[] = [];
  for (const iteration of [...spoke].sort((a, b) => b - a))
    for (const [text, list] of texts) {
      if (list.some((each) => each.iteration === iteration)) continue;
      const numbers = new Set(list.map((each) => each.number));
      const why = told.find(
        (each) => each.it === iteration && (each.sample === 'all' || numbers.has(each.sample)),
      );
      out.push({ iteration, text, why: why?.text ?? '' });
    }
  for (const { it, text } of told) if (!spoke.has(it!)) out.push({ iteration: it!, text: '', why: text });
  return out;
}
