// What was changed and not saved: it outlives a look at another page and a reload, in this tab alone.
const keyOf = (name: string) => `testudo.draft.${location.pathname}.${name}`;
const longest = 500_000; // characters

/** `fits`: whether what is kept can be meant; an older page may have kept another form. */
export function draft<T>(name: string, fits: (value: unknown) => value is T): T | null {
  try {
    const kept: unknown = JSON.parse(sessionStorage.getItem(keyOf(name)) ?? 'null');
    return kept !== null && fits(kept) ? kept : null;
  } catch {
    return null; // nothing that can be read
  }
}

/** `value` null: there is nothing unsaved any more. */
export function keepDraft(name: string, value: unknown): void {
  try {
    const text = value === null ? '' : JSON.stringify(value);
    if (value === null || text.length > longest) sessionStorage.removeItem(keyOf(name));
    else sessionStorage.setItem(keyOf(name), text);
  } catch {
    // a browser that keeps nothing
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
