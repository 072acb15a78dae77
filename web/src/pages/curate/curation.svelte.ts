// A voice's transcript being corrected. Every edit is saved at once, in order, and shown before the server has
// answered; it says which state of its recording it was made for, so that nothing another tab or an editor wrote is
// overwritten unseen. What cannot be saved now (a job holds the voice, no connection, a full disk) waits and is tried again.
import { onDestroy, untrack } from 'svelte';
import { ApiError, ask, at, post, problemOf } from '../../lib/api';
import { foreseen, keyOf, withResult } from '../../lib/curation';
import { alreadySo, glance, stillFit, type Look } from '../../lib/look';
import type { Edit, EditResult, Problem, Transcript } from '../../lib/types';
import { toast } from '../../parts/toasts.svelte';
import { loaded, type Loaded } from '../../state/loaded.svelte';
import { isActive, jobsOf, studio } from '../../state/studio.svelte';
import { t } from '../../text';
import { keepUnsaved, readUnsaved, unsavedVoices } from './unsaved';

export interface Conflict {
  edits: Edit[];
  seen: Map<string, Look>;
  fresh: EditResult;
}
interface Work {
  edits: Edit[]; // none: it goes back or forth in the history
  seen: Map<string, Look>;
  back: boolean; // undoes
  run: () => Promise<void>;
}

const passing = [0, 401, 423, 502, 503, 504, 507]; // answers that may be another one later, without the edit being changed
const patience = 30_000; // ms for an answer
const pause = 5000; // ms between two tries

export class Curation {
  readonly transcript: Loaded<Transcript>;
  private queue = $state.raw<Work[]>([]); // the first may be on its way
  private working = $state(false);
  /** As it will be when all is saved. */
  readonly shown = $derived.by(() => {
    const saved = this.transcript.value;
    return saved && this.queue.reduce((all, { edits }) => foreseen(all, edits), saved);
  });
  /** What keeps it from being saved. */
  blocked = $state.raw<Problem | null>(null);
  outlivesReload = $state(true); // what is not saved
  savedAt = $state(0);
  private conflicts = $state.raw<Conflict[]>([]);
  texts = $state.raw<Record<string, string>>({}); // that the server refused, by segment
  readonly saving = $derived(this.working && !this.blocked);
  readonly conflict = $derived(this.conflicts[0] ?? null);
  readonly waiting = $derived(this.queue.filter(({ edits }) => edits.length).length);
  readonly unsaved = $derived(this.waiting + this.conflicts.length + Object.keys(this.texts).length);
  /** Segments of which something waits. */
  readonly waitingKeys = $derived(
    new Set(
      !this.blocked
        ? []
        : this.queue.flatMap(({ edits }) =>
            edits.map(({ recording, segment }) =>
              segment === undefined ? recording : keyOf({ recording, segment }),
            ),
          ),
    ),
  );
  private own = new Map<string, string>(); // digests that our own edits replaced

  /** To be made while a component is made, or in a root of effects. */
  constructor(readonly voice: string) {
    this.transcript = loaded<Transcript>(
      () => at('voices', voice, 'transcript'),
      () => [`transcript:${voice}`, `voice:${voice}`],
      () => this.saving, // the verdicts come when all is saved
    );
    const kept = readUnsaved(voice);
    this.texts = kept.texts;
    this.queue = kept.groups.map(({ edits, seen }) => this.work(edits, new Map(seen)));
    $effect(() => {
      if (this.transcript.value) untrack(() => void this.go());
    });
    $effect(() => {
      void studio.link;
      void jobsOf(voice).filter(isActive).length; // one of them may have held it
      untrack(this.again);
    });
    $effect(() => {
      if (!this.blocked) return;
      const timer = setInterval(this.again, pause);
      return () => clearInterval(timer);
    });
    $effect(() => {
      if (!this.unsaved) return;
      const ask = (event: Event) => event.preventDefault();
      addEventListener('beforeunload', ask);
      return () => removeEventListener('beforeunload', ask);
    });
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
  apply(edits: Edit[], begun?: Look): void {
    const seen = new Map(
      [...new Set(edits.map((edit) => edit.recording))].map((name) => [
        name,
        glance(edits, name, begun ?? this.look(name)),
      ]),
    );
    if (this.blocked && edits.some((edit) => edit.edit === 'split' || edit.edit === 'merge'))
      toast('info', t.curate.shownLater);
    this.put(this.work(edits, seen));
  }

  undo = () => {
    if (!this.takeBack()) this.move('undo', {}, t.curate.undone);
  };
  redo = () => this.move('redo', {}, t.curate.redone);
  /** Undoes or redoes until the step is the last in force; 0: before the first. */
  goTo = (step: number) => this.move('history', { to: step });
  /** Tries to save what waits. */
  again = () => void (this.blocked && this.go());

  /** The same edits on what is there now. */
  insist(): void {
    const { conflict } = this;
    this.yield();
    if (conflict) this.apply(conflict.edits);
  }
  /** What is there now stays. */
  yield(): void {
    this.conflicts = this.conflicts.slice(1);
    this.keep();
  }
  /** The refused text of a segment. */
  forget(key: string): void {
    const { [key]: gone, ...others } = this.texts;
    if (gone === undefined) return;
    this.texts = others;
    this.keep();
  }

  private work(edits: Edit[], seen: Map<string, Look>): Work {
    return { edits, seen, back: false, run: () => this.send(edits, seen) };
  }
  private put(work: Work): void {
    this.queue = [...this.queue, work];
    this.keep();
    if (!this.blocked) void this.go();
  }
  private move(to: string, body: object, told?: (what: string) => string): void {
    if (this.blocked) return toast('bad', this.blocked.what, this.blocked.hint);
    this.put({
      edits: [],
      seen: new Map(),
      back: to === 'undo',
      run: async () => {
        const result = await post<EditResult>(at('voices', this.voice, to), body);
        if (told && result.what) toast('good', told(result.what));
        this.take(result);
      },
    });
  }

  private async go(): Promise<void> {
    if (this.working) return;
    this.working = true;
    for (let [first] = this.queue; first; [first] = this.queue) {
      try {
        await first.run();
        this.blocked = null;
      } catch (error) {
        const problem = problemOf(error);
        if (first.edits.length && error instanceof ApiError && passing.includes(error.status)) {
          this.block(problem);
          break;
        }
        this.refused(first.edits, problem);
      }
      const ended = first;
      this.queue = this.queue.filter((each) => each !== ended);
      this.keep();
    }
    if (!this.queue.length) this.blocked = null;
    this.working = false;
  }
  private block(problem: Problem): void {
    if (problem.what !== this.blocked?.what) this.blocked = problem;
    // What was undone before it was saved need not be saved; the history cannot be gone through now.
    let kept: Work[] = [];
    for (const work of this.queue)
      if (work.edits.length) kept = [...kept, work];
      else if (work.back) kept = kept.slice(0, -1);
    this.queue = kept;
    this.keep();
  }
  private refused(edits: Edit[], { what, hint }: Problem): void {
    toast('bad', what, hint);
    for (const { edit, recording, segment, value } of edits)
      if (edit === 'text' && segment !== undefined)
        this.texts = { ...this.texts, [keyOf({ recording, segment })]: value?.trim() ?? '' };
  }
  /** The last change that is not saved yet, where there is one. */
  private takeBack(): boolean {
    if (!this.blocked || this.queue.length <= (this.working ? 1 : 0)) return false;
    this.queue = this.queue.slice(0, -1);
    if (!this.queue.length) this.blocked = null;
    this.keep();
    toast('good', t.curate.takenBack);
    return true;
  }
  private keep(): void {
    const groups = [...this.conflicts, ...this.queue.filter((each) => each.edits.length)];
    this.outlivesReload = keepUnsaved(this.voice, {
      groups: groups.map(({ edits, seen }) => ({ edits, seen: [...seen] })),
      texts: this.texts,
    });
  }

  private async send(edits: Edit[], seen: Map<string, Look>, again = true): Promise<void> {
    const sent = edits.map((edit) => ({ ...edit, seen: this.latest(seen.get(edit.recording)!.digest) }));
    try {
      this.take(
        await ask<EditResult>(at('voices', this.voice, 'edits'), {
          method: 'POST',
          json: { edits: sent },
          signal: AbortSignal.timeout(patience),
        }),
      );
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409 && error.fresh)) throw error;
      const fresh = error.fresh as EditResult;
      this.takeTheirs(fresh);
      if (alreadySo(edits, seen, fresh)) return void (this.savedAt = Date.now());
      // What others changed elsewhere in the recording stands in nobody's way.
      if (again && stillFit(edits, seen, fresh)) {
        const now = new Map([...seen].map(([name, look]) => [name, { ...look, digest: this.digest(name) }]));
        return this.send(edits, now, false);
      }
      this.conflicts = [...this.conflicts, { edits, seen, fresh }];
    }
  }

  private take(result: EditResult): void {
    for (const each of result.recordings) {
      const before = this.digest(each.recording);
      if (before && before !== each.digest) this.own.set(before, each.digest);
    }
    this.savedAt = Date.now();
    this.show(result);
  }
  private takeTheirs(fresh: EditResult): void {
    for (const each of fresh.recordings) this.own.delete(this.digest(each.recording));
    this.show(fresh);
  }
  private show(result: EditResult): void {
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

// A curation lives on, when its page is left, until all is saved.
const open = new Map<string, { curation: Curation; end: () => void; users: number }>();

function opened(voice: string) {
  let found = open.get(voice);
  if (!found) {
    let curation: Curation | undefined;
    const end = $effect.root(() => {
      curation = new Curation(voice);
      $effect(() => {
        if (!curation!.unsaved) untrack(() => close(voice));
      });
    });
    found = { curation: curation!, end, users: 0 };
    open.set(voice, found);
  }
  return found;
}
function close(voice: string): void {
  const found = open.get(voice);
  if (!found || found.users || found.curation.unsaved) return;
  open.delete(voice);
  found.end();
}

/** To be called while a component is made. */
export function curationOf(voice: string): Curation {
  const found = opened(voice);
  found.users++;
  onDestroy(() => {
    found.users--;
    close(voice);
  });
  return found.curation;
}

/** Saves what was not saved before the page was loaded anew. */
export const saveKept = (): void => unsavedVoices().forEach(opened);
