// A voice's transcript being corrected. Every edit is saved at once, in order, and shown before the server has
// answered; it says which state of its recording it was made for, so that nothing another tab or an editor wrote is
// overwritten unseen.
import { ApiError, at, post, problemOf } from '../../lib/api';
import { foreseen, stillFit, withResult, type Look } from '../../lib/curation';
import type { Edit, EditResult, Transcript } from '../../lib/types';
import { toast } from '../../parts/toasts.svelte';
import { loaded, type Loaded } from '../../state/loaded.svelte';
import { t } from '../../text';

export interface Conflict {
  edits: Edit[];
  fresh: EditResult;
}
export type Outcome = 'saved' | 'conflict' | 'failed';

export class Curation {
  readonly transcript: Loaded<Transcript>;
  private pending = $state.raw<Edit[][]>([]); // sent, or waiting for those before them
  /** As it will be when all is saved. */
  readonly shown = $derived.by(() => {
    const saved = this.transcript.value;
    return saved && this.pending.reduce(foreseen, saved);
  });
  saving = $state(0); // edits that are on their way
  savedAt = $state(0);
  conflict = $state.raw<Conflict | null>(null);
  private chain: Promise<unknown> = Promise.resolve();
  private own = new Map<string, string>(); // digests that our own edits replaced

  constructor(readonly voice: string) {
    this.transcript = loaded<Transcript>(
      () => at('voices', voice, 'transcript'),
      () => [`transcript:${voice}`, `voice:${voice}`],
      () => this.saving > 0, // the verdicts come when all is saved
    );
  }

  look(recording: string): Look {
    const { recordings = [], segments = [] } = this.shown ?? {};
    const found = recordings.find((each) => each.recording === recording);
    return {
      digest: found?.digest ?? '',
      language: found?.language ?? '',
      segments: segments.filter((each) => each.recording === recording),
    };
  }

  /** `begun`: what the reader saw of the recording when he began, if that was a while ago. */
  apply(edits: Edit[], begun?: Look): Promise<Outcome> {
    const seen = new Map(
      [...new Set(edits.map((edit) => edit.recording))].map((name) => [name, begun ?? this.look(name)]),
    );
    this.pending = [...this.pending, edits];
    return this.inOrder(async () => {
      try {
        return await this.send(edits, seen);
      } finally {
        this.pending = this.pending.filter((each) => each !== edits);
      }
    });
  }

  undo = () => this.move('undo', {}, t.curate.undone);
  redo = () => this.move('redo', {}, t.curate.redone);
  /** Undoes or redoes until the step is the last in force; 0: before the first. */
  goTo = (step: number) => this.move('history', { to: step });

  /** The same edits on what is there now. */
  insist(): void {
    const conflict = this.conflict;
    this.conflict = null;
    if (conflict) void this.apply(conflict.edits);
  }

  private move(to: string, body: object, told?: (what: string) => string): Promise<Outcome> {
    return this.inOrder(async () => {
      const result = await post<EditResult>(at('voices', this.voice, to), body);
      if (told && result.what) toast('good', told(result.what));
      return this.take(result);
    });
  }

  private async send(edits: Edit[], seen: Map<string, Look>, again = true): Promise<Outcome> {
    const sent = edits.map((edit) => ({ ...edit, seen: this.latest(seen.get(edit.recording)!.digest) }));
    try {
      return this.take(await post<EditResult>(at('voices', this.voice, 'edits'), { edits: sent }));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409 && error.fresh)) throw error;
      const fresh = error.fresh as EditResult;
      this.takeTheirs(fresh);
      // What others changed elsewhere in the recording stands in nobody's way.
      if (again && stillFit(edits, seen, fresh)) {
        const now = new Map([...seen].map(([name, look]) => [name, { ...look, digest: this.digest(name) }]));
        return this.send(edits, now, false);
      }
      this.conflict = { edits, fresh };
      return 'conflict';
    }
  }

  private inOrder(work: () => Promise<Outcome>): Promise<Outcome> {
    this.saving++;
    const next = this.chain.then(async (): Promise<Outcome> => {
      try {
        return await work();
      } catch (error) {
        const problem = problemOf(error);
        toast('bad', problem.what, problem.hint);
        return 'failed';
      } finally {
        this.saving--;
      }
    });
    this.chain = next;
    return next;
  }

  private take(result: EditResult): Outcome {
    for (const each of result.recordings) {
      const before = this.digest(each.recording);
      if (before && before !== each.digest) this.own.set(before, each.digest);
    }
    this.savedAt = Date.now();
    this.put(result);
    return 'saved';
  }
  private takeTheirs(fresh: EditResult): void {
    for (const each of fresh.recordings) this.own.delete(this.digest(each.recording));
    this.put(fresh);
  }
  private put(result: EditResult): void {
    const old = this.transcript.value;
    if (old) this.transcript.value = withResult(old, result);
    result.notes.forEach((note) => toast('info', note));
  }

  private digest(recording: string): string {
    return this.transcript.value?.recordings.find((each) => each.recording === recording)?.digest ?? '';
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
}
