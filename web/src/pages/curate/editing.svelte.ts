// What is done to the selected segment, and to all that are shown.
import { bulkEdits, keyOf, nudged, toChange, type BulkKind } from '../../lib/curation';
import type { Look } from '../../lib/look';
import type { Edit } from '../../lib/types';
import type { Grip } from '../../lib/waveview';
import { toast } from '../../parts/toasts.svelte';
import { t } from '../../text';
import type { Choice } from './choice.svelte';
import type { Curation } from './curation.svelte';
import type { Hearing } from './hearing.svelte';
import type { Listening } from './listening.svelte';

export class Editing {
  typing = $state(false);
  private begun: Look | undefined; // what was seen when the typing began
  private gripped: Look | undefined; // and the drag

  constructor(
    private readonly curation: Curation,
    private readonly choice: Choice,
    private readonly listening: Listening,
    private readonly hearing: Hearing,
  ) {}

  edit(kind: Edit['edit'], more: Partial<Edit> = {}, seen?: Look): void {
    const { current } = this.choice;
    if (!current) return;
    const { recording, segment } = current;
    this.curation.apply([{ edit: kind, recording, segment, ...more }], seen);
  }
  times(start: number | null, end: number | null): void {
    this.edit('move-boundary', { ...(start === null ? {} : { start }), ...(end === null ? {} : { end }) });
  }
  language(recording: string, value: string): void {
    this.curation.apply([{ edit: 'language', recording, value }]);
  }
  /** Accepts it and goes on, or takes that back. */
  accept(): void {
    const { current } = this.choice;
    if (!current) return;
    const { recording, segment, accepted } = current;
    if (!accepted) this.choice.step(1);
    this.curation.apply([{ edit: accepted ? 'unaccept' : 'accept', recording, segment }]);
  }
  bulk(kind: BulkKind): void {
    const { shown, all } = this.choice;
    if (toChange(kind, shown).length) this.curation.apply(bulkEdits(kind, shown, all));
  }

  type(): void {
    const { current } = this.choice;
    if (!current) return;
    this.listening.player.stop();
    this.begun = this.curation.look(current.recording);
    this.typing = true;
  }
  leave(key: string): void {
    this.typing = false;
    this.curation.forget(key);
  }
  saveText(text: string, accept: boolean): void {
    const segment = this.choice.current;
    this.typing = false;
    if (!segment) return;
    const key = keyOf(segment);
    const lead = /^\s*/.exec(segment.text)?.[0] ?? '';
    const edits: Edit[] = [];
    const base = { recording: segment.recording, segment: segment.segment };
    if (text.trim() !== segment.text.trim()) edits.push({ edit: 'text', ...base, value: lead + text.trim() });
    if (accept) edits.push({ edit: 'accept', ...base });
    this.curation.forget(key);
    (document.activeElement as HTMLElement | null)?.blur();
    if (accept) this.choice.step(1);
    if (edits.length) this.curation.apply(edits, this.begun);
  }
  splitText(character: number): void {
    this.typing = false;
    this.edit('split', { character }, this.begun);
  }
  take(text: string | null): void {
    if (text === null) return;
    this.hearing.dismiss();
    this.edit('text', { value: text });
  }

  split(): void {
    const { current } = this.choice;
    const { at } = this.listening.player;
    if (!current) return;
    if (at <= current.start + 0.02 || at >= current.end - 0.02) toast('info', t.curate.splitWhere);
    else this.edit('split', { time: Math.round(at * 1000) / 1000 });
  }
  nudge(which: 'start' | 'end', by: number): void {
    const { current, inRecording } = this.choice;
    const found = current && nudged(inRecording, current, which, by, this.listening.wave?.seconds);
    if (found) this.curation.apply([found]);
  }
  grip(): void {
    this.gripped = this.curation.look(this.choice.recording);
  }
  drag(grip: Grip, to: number): void {
    if (grip.part === 'none' || grip.part === 'inside') return;
    const { recording } = this.choice;
    const change =
      grip.part === 'border' ? { border: to } : grip.part === 'start' ? { start: to } : { end: to };
    this.curation.apply([{ edit: 'move-boundary', recording, segment: grip.id, ...change }], this.gripped);
  }
}
