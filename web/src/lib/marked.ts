// A text cut at what was searched: every second part is a hit.
export function parts(text: string, words: string): string[] {
  if (!words) return [text];
  const low = text.toLowerCase();
  const wanted = words.toLowerCase();
  if (low.length !== text.length) return [text]; // letters whose small form is longer: places would be wrong
  const out: string[] = [];
  let from = 0;
  for (let at = low.indexOf(wanted); at >= 0; at = low.indexOf(wanted, from)) {
    out.push(text.slice(from, at), text.slice(at, at + wanted.length));
    from = at + wanted.length;
  }
  return [...out, text.slice(from)];
}
