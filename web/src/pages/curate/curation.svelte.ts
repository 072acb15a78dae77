// A voice's transcript being corrected. Every edit is saved at once; it says which state of its recording it was
// made for, so that nothing another tab or an editor wrote is overwritten unseen.
import { ApiError, at, post, problemOf } from '../../lib/api';
import { keyOf, withResult } from '../../lib/curation';
import type { Edit, EditResult, Segment, Transcript } from '../../lib/types';
import { toast } from '../../parts/toasts.svelte';
import { loaded, type Loaded } from '../../state/loaded.svelte';

export interface Conflict {
  edits: Edit[];
  fresh: EditResult;
}

export class Curation {
  readonly transcript: Loaded<Transcript>;
  saving = $state(0);
  savedAt = $state(0);
  conflict = $state.raw<Conflict | null>(null);
  private chain: Promise<unknown> = Promise.resolve();
  private own = new Map<string, string>(); // digests that our own edits replaced

  constructor(readonly voice: string) {
    this.transcript = loaded<Transcript>(
      () => at('voices', voice, 'transcript'),
      () => [`transcript:${voice}`, `voice:${voice}`],
    );
  }

  digest(recording: string): string {
    return this.transcript.value?.recordings.find((each) => each.recording === recording)?.digest ?? '';
  }

  /** `seen`: the digest when the reader began, if that was a while ago. */
  apply(edits: Edit[], seen?: string): Promise<boolean> {
    return this.inOrder(async () => {
      const sent = edits.map((edit) => ({ ...edit, seen: this.latest(seen ?? this.digest(edit.recording)) }));
      return this.take(await post<EditResult>(at('voices', this.voice, 'edits'), { edits: sent }));
    }, edits);
  }

  undo = () =>
    this.inOrder(async () => this.take(await post<EditResult>(at('voices', this.voice, 'undo')), true));
  redo = () =>
    this.inOrder(async () => this.take(await post<EditResult>(at('voices', this.voice, 'redo')), true));

  /** The same edit on what is there now. */
  insist(): Promise<boolean> {
    const conflict = this.conflict;
    if (!conflict) return Promise.resolve(false);
    this.conflict = null;
    return this.apply(conflict.edits.map(({ seen: _, ...edit }) => edit));
  }

  private inOrder(work: () => Promise<boolean>, edits: Edit[] = []): Promise<boolean> {
    const next = this.chain.then(async () => {
      this.saving++;
      try {
        return await work();
      } catch (error) {
        const problem = problemOf(error);
        if (error instanceof ApiError && error.status === 409 && error.fresh) {
          const fresh = error.fresh as EditResult;
          this.take(fresh, false, false);
          this.conflict = { edits, fresh };
        } else toast('bad', problem.what, problem.hint);
        return false;
      } finally {
        this.saving--;
      }
    });
    this.chain = next;
    return next;
  }

  private take(result: EditResult, tell = false, ours = true): boolean {
    for (const each of result.recordings) {
      const before = this.digest(each.recording);
      if (ours && before && before !== each.digest) this.own.set(before, each.digest);
      else if (!ours) this.own.delete(before);
    }
    const old = this.transcript.value;
    if (old) this.transcript.value = withResult(old, result);
    if (ours) this.savedAt = Date.now();
    result.notes.forEach((note) => toast('info', note));
    if (tell && result.what) toast('good', result.what);
    // Verdicts come with the list.
    this.transcript.again();
    return result.changed;
  }

  private latest(digest: string): string {
    const seen = new Set<string>();
    for (
      let next = this.own.get(digest);
      next !== undefined && !seen.has(next);
      next = this.own.get(digest)
    ) {
      seen.add(next);
      digest = next;
    }
    return digest;
  }

  find(key: string): Segment | undefined {
    return this.transcript.value?.segments.find((segment) => keyOf(segment) === key);
  }
}
