// Which segments are shown, in which order, and which of them is worked on.
import { untrack } from 'svelte';
import { everything, filtered, keyOf, ordered, type Filter, type Order } from '../../lib/curation';
import type { Segment, Transcript } from '../../lib/types';
import { toast } from '../../parts/toasts.svelte';
import { route } from '../../state/route.svelte';
import { t } from '../../text';

interface Listener {
  chosen: (segment: Segment | undefined) => void; // by the reader
  moved: (place: number | null) => void; // whoever moved it; the place among those shown, where it is to be seen
}

export class Choice {
  filter = $state.raw<Filter>({ ...everything });
  order = $state<Order>('time');
  key = $state('');
  readonly all = $derived.by(() => this.transcript()?.segments ?? []);
  readonly names = $derived.by(() => (this.transcript()?.recordings ?? []).map((each) => each.recording));
  readonly shown = $derived.by(() => ordered(filtered(this.all, this.filter), this.order, this.names));
  readonly current = $derived.by(() => this.all.find((each) => keyOf(each) === this.key));
  readonly recording = $derived.by(
    () => this.current?.recording ?? this.shown[0]?.recording ?? this.names[0] ?? '',
  );
  readonly inRecording = $derived.by(() =>
    this.all.filter((each) => each.recording === this.recording).sort((a, b) => a.start - b.start),
  );

  /** To be made while a component is made. */
  constructor(
    private readonly transcript: () => Transcript | null,
    private readonly listener: Listener,
  ) {
    // An address may name a segment; a deleted one gives its place to what follows it.
    let lastPlace = 0;
    let routed = false;
    $effect(() => {
      const { shown } = this;
      if (!shown.length) return;
      const [name, id] = route.rest;
      untrack(() => {
        if (routed || !name) return;
        routed = true;
        const key = id ? `${name}:${id}` : '';
        const found =
          shown.find((each) => keyOf(each) === key) ?? shown.find((each) => each.recording === name);
        if (found) return this.select(keyOf(found));
      });
      const place = shown.findIndex((each) => keyOf(each) === this.key);
      if (place >= 0) lastPlace = place;
      else if (!untrack(() => this.current))
        untrack(() => this.select(keyOf(shown[Math.min(lastPlace, shown.length - 1)]!), false));
    });
  }

  select(key: string, reveal = true): void {
    if (key === this.key) return;
    this.mark(key, reveal);
    this.listener.chosen(this.all.find((each) => keyOf(each) === key));
  }
  /** Without anything that choosing does else. */
  mark(key: string, reveal: boolean): void {
    this.key = key;
    const place = this.shown.findIndex((each) => keyOf(each) === key);
    this.listener.moved(reveal && place >= 0 ? place : null);
  }
  /** What a filter hides is not worked on. */
  filterBy(filter: Filter): void {
    this.filter = filter;
    const { shown, current } = this;
    if (current && !shown.includes(current)) this.select(shown[0] ? keyOf(shown[0]) : '');
    else this.mark(this.key, true);
  }
  /** Any other order than that of time is there to begin with its first. */
  orderBy(order: Order): void {
    this.order = order;
    const [first] = this.shown;
    if (order !== 'time' && first) this.select(keyOf(first));
    else this.mark(this.key, true);
  }
  step(by: number, fits: (segment: Segment) => boolean = () => true): void {
    const from = this.shown.findIndex((each) => keyOf(each) === this.key);
    for (let i = from + by; i >= 0 && i < this.shown.length; i += by)
      if (fits(this.shown[i]!)) return this.select(keyOf(this.shown[i]!));
    if (by > 0 && from === this.shown.length - 1) toast('info', t.curate.atEnd);
  }
  toOpen = (): void => this.step(1, (segment) => !segment.accepted && segment.verdict !== 'good');
}
