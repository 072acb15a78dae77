// What the reader changed in a transcript and the server has not taken yet.
import type { Look } from '../../lib/look';
import type { Edit } from '../../lib/types';
import { draft, draftNames, isRecord, keepDraft } from '../../state/drafts';

export interface Unsaved {
  groups: { edits: Edit[]; seen: [recording: string, look: Look][] }[]; // in order; each is one step
  texts: Record<string, string>; // that were refused, by segment
}

const name = 'curate.';
const fits = (value: unknown): value is Unsaved =>
  isRecord(value) && Array.isArray(value.groups) && isRecord(value.texts);

export const readUnsaved = (voice: string): Unsaved => draft(name + voice, fits) ?? { groups: [], texts: {} };

/** False where the browser does not keep it. */
export function keepUnsaved(voice: string, unsaved: Unsaved): boolean {
  const any = unsaved.groups.length > 0 || Object.keys(unsaved.texts).length > 0;
  return keepDraft(name + voice, any ? unsaved : null);
}

/** Voices of which something is kept. */
export const unsavedVoices = (): string[] => draftNames(name);
