// What a run has told, from its own file: also one that a terminal trains, which is no job here.
import { ask, at } from '../lib/api';
import type { JobEvent } from '../lib/types';
import { stamp } from './studio.svelte';

interface Told {
  events: JobEvent[];
  next: number;
  reset?: boolean;
}

const most = 5000;
const patience = 10_000; // ms

/** To be called while a component is made, or in an effect: `take` gets what came, `anew` when that is all there is. */
export function followRun(
  voice: string,
  run: string,
  types: string,
  take: (events: JobEvent[], anew: boolean) => void,
): () => void {
  let next = -1;
  let round = -1;
  let running = false;
  let again = false;
  let begun = 0;
  let abort = new AbortController();
  let closed = false;

  async function read(): Promise<void> {
    if (running) {
      again = true;
      if (Date.now() - begun > patience) abort.abort(); // on a connection that died in silence no answer comes
      return;
    }
    running = true;
    begun = Date.now();
    abort = new AbortController();
    try {
      const path = `${at('runs', voice, run, 'events')}?last=${most}${types ? `&types=${types}` : ''}`;
      const told = await ask<Told>(next < 0 ? path : `${path}&from=${next}`, { signal: abort.signal });
      const anew = next < 0 || told.reset === true;
      next = told.next;
      if (!closed && (anew || told.events.length)) take(told.events, anew);
    } catch {
      if (next < 0 && !closed && !abort.signal.aborted) take([], true); // not begun: a later change asks again
    }
    running = false;
    if (again && !closed) {
      again = false;
      void read();
    }
  }

  $effect(() => {
    const all = stamp('');
    stamp(`run:${voice}/${run}`);
    if (all !== round) next = -1; // another server, or what was missed
    round = all;
    void read();
  });
  return () => {
    closed = true;
    abort.abort();
  };
}
