// Blind comparison: which checkpoint speaks better, without knowing which one it is.
import type { Sample } from './types';

export interface Pair {
  text: string;
  a: Sample;
  b: Sample;
}

export interface Score {
  iteration: number;
  won: number;
  heard: number;
}

export function byText(samples: Sample[]): Map<string, Sample[]> {
  const out = new Map<string, Sample[]>();
  for (const sample of samples) out.set(sample.text ?? '', [...(out.get(sample.text ?? '') ?? []), sample]);
  for (const list of out.values()) list.sort((a, b) => a.iteration - b.iteration);
  return out;
}

/** Two different checkpoints saying the same; null where there are none. `random`: 0 <= value < 1 */
export function nextPair(samples: Sample[], random: () => number): Pair | null {
  const choices = [...byText(samples)].filter(
    ([, list]) => new Set(list.map((each) => each.iteration)).size > 1,
  );
  if (!choices.length) return null;
  const pick = <T>(list: T[]): T => list[Math.floor(random() * list.length)]!;
  const [text, list] = pick(choices);
  const a = pick(list);
  const b = pick(list.filter((each) => each.iteration !== a.iteration));
  return { text, a, b };
}

export type Vote = 'a' | 'b' | 'same';

/** No difference: half a win for each. */
export function withVote(scores: Score[], pair: Pair, vote: Vote): Score[] {
  const add = (list: Score[], iteration: number, won: number): Score[] => {
    const old = list.find((each) => each.iteration === iteration) ?? { iteration, won: 0, heard: 0 };
    return [...list.filter((each) => each !== old), { iteration, won: old.won + won, heard: old.heard + 1 }];
  };
  const share = (side: 'a' | 'b') => (vote === 'same' ? 0.5 : vote === side ? 1 : 0);
  return add(add(scores, pair.a.iteration, share('a')), pair.b.iteration, share('b')).sort(
    (x, y) => y.won / y.heard - x.won / x.heard || x.iteration - y.iteration,
  );
}
