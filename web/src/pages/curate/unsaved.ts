// What the reader changed and the server has not taken yet, kept by the browser for as long as its tab is there, reloaded or
// not.
import type { Look } from '../../lib/look';
import type { Edit } from '../../lib/types';

export interface Unsaved {
  groups: { edits: Edit[]; seen: [recording: string, look: Look][] }[]; // in order; each is one step
  texts: Record<string, string>; // that were refused, by segment
}

const prefix = 'testudo.unsaved.';

export function readUnsaved(voice: string): Unsaved {
  try {
    const kept = JSON.parse(sessionStorage.getItem(prefix + voice) ?? 'null') as Partial<Unsaved> | null;
    return { groups: kept?.groups ?? [], texts: kept?.texts ?? {} };
  } catch {
    return { groups: [], texts: {} };
  }
}

/** False where the browser does not keep it. */
export function keepUnsaved(voice: string, unsaved: Unsaved): boolean {
  try {
    if (unsaved.groups.length || Object.keys(unsaved.texts).length)
      sessionStorage.setItem(prefix + voice, JSON.stringify(unsaved));
    else sessionStorage.removeItem(prefix + voice);
    return true;
  } catch {
    return false;
  }
}

/** Voices of which something is kept. */
export function unsavedVoices(): string[] {
  try {
    return Object.keys(sessionStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => key.slice(prefix.length));
  } catch {
    return [];
  }
}
