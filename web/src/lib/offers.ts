// What a text field offers.
import type { Model, ModelSource } from './types';

export interface Offer {
  value: string;
  label: string; // '': none beside the value
}

/** `typed` null: nothing was typed since the list was opened, and all of them are shown. */
export function matching(offers: Offer[], typed: string | null): Offer[] {
  const wanted = (typed ?? '').trim().toLowerCase();
  if (!wanted) return offers;
  return offers.filter((each) => `${each.value} ${each.label}`.toLowerCase().includes(wanted));
}

const codes =
  'af am ar as az ba be bg bn bo br bs ca cs cy da de el en es et eu fa fi fo fr gl gu ha haw he hi hr ht hu hy id is it ja jw ka kk km kn ko la lb ln lo lt lv mg mi mk ml mn mr ms mt my ne nl nn no oc pa pl ps pt ro ru sa sd si sk sl sn so sq sr su sv sw ta te tg th tk tl tr tt uk ur uz vi yi yo yue zh';

/** The languages that Whisper knows, by their names. */
export function languages(): Offer[] {
  const names = new Intl.DisplayNames(['en'], { type: 'language' });
  return codes
    .split(' ')
    .map((code) => ({ value: code, label: names.of(code) ?? code }))
    .sort((a, b) => a.label.localeCompare(b.label));
}

/** Whisper models by the names that settings give them: first those of the workspace, then those to be fetched. */
export function whisperOffers(
  models: Model[],
  sources: ModelSource[],
  ggml: boolean,
  words: { there: string; fetched: (bytes: number | undefined) => string },
): Offer[] {
  const prefix = ggml ? 'ggml-' : 'whisper-';
  const out = models
    .filter((each) => each.place === 'whisper' && each.name.startsWith('ggml-') === ggml)
    .map((each) => ({ value: ggml ? each.name.slice(prefix.length) : each.name, label: words.there }));
  for (const source of sources) {
    const value = source.name.slice(prefix.length);
    if (source.name.startsWith(prefix) && !out.some((each) => each.value === value))
      out.push({ value, label: words.fetched(source.bytes) });
  }
  return out;
}
