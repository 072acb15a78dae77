// What differs between two texts, word by word: for "as it was heard again" beside "as it stands".

export interface Piece {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

/** Longest common subsequence of words; neighbouring words of one kind are one piece. */
export function diffWords(before: string, after: string): Piece[] {
  const a = words(before);
  const b = words(after);
  const length = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      length[i]![j] =
        a[i] === b[j] ? length[i + 1]![j + 1]! + 1 : Math.max(length[i + 1]![j]!, length[i]![j + 1]!);
  const out: Piece[] = [];
  const put = (kind: Piece['kind'], text: string) => {
    const last = out[out.length - 1];
    if (last?.kind === kind) last.text += ` ${text}`;
    else out.push({ kind, text });
  };
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      put('same', a[i]!);
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && length[i + 1]![j]! >= length[i]![j + 1]!))
      put('gone', a[i++]!);
    else put('new', b[j++]!);
  }
  return out;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}
