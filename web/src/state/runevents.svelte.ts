// What a run has told, from its own file: also one that a terminal trains, which is no job here.
import { ask, at } from '../lib/api';
import type { JobEvent } from '../lib/types';
import { Asking } from './asking';
import { stamp } from './studio.svelte';

interface Told {
  events: JobEvent[];
  next: number;
  reset?: boolean;
}

const most = 5000;

/** To be called while a component is made, or in an effect: `take` gets what came, `anew` when that is all there is. */
export function followRun(
  voice: string,
  run: string,
  types: string,
  take: (events: JobEvent[], anew: boolean) => void,
): () => void {
  let next = -1;
  let round = -1;
  let closed = false;

  const asking = new Asking(async (signal) => {
    try {
      const path = `${at('runs', voice, run, 'events')}?last=${most}${types ? `&types=${types}` : ''}`;
      const told = await ask<Told>(next < 0 ? path : `${path}&from=${next}`, { signal });
      const anew = next < 0 || told.reset === true;
      next = told.next;
      if (!closed && (anew || told.events.length)) take(told.events, anew);
    } catch {
      if (next < 0 && !closed && !signal.aborted) take([], true); // not begun: a later change asks again
    }
  });

  $effect(() => {
    const all = stamp('');
    stamp(`run:${voice}/${run}`);
    const anew = all !== round; // another server, or what was missed
    if (anew) next = -1;
    round = all;
    asking.now(anew);
  });
  return () => {
    closed = true;
    asking.close();
  };
}
