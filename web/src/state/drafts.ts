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

/** `value` null: there is nothing unsaved any more. False where the browser does not keep it. */
export function keepDraft(name: string, value: unknown): boolean {
  try {
    const text = value === null ? '' : JSON.stringify(value);
    const kept = value !== null && text.length <= longest;
    if (kept) sessionStorage.setItem(keyOf(name), text);
    else sessionStorage.removeItem(keyOf(name));
    return kept || value === null;
  } catch {
    return value === null; // a browser that keeps nothing
  }
}

/** What follows `beginning` in the names of drafts that are kept. */
export function draftNames(beginning: string): string[] {
  try {
    const start = keyOf(beginning);
    return Object.keys(sessionStorage)
      .filter((key) => key.startsWith(start))
      .map((key) => key.slice(start.length));
  } catch {
    return [];
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
