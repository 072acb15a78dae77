// An answer of the server that stays true: asked again when the server tells that it changed.
import { ask, problemOf, request } from '../lib/api';
import type { Problem } from '../lib/types';
import { Asking } from './asking';
import { stamp } from './studio.svelte';

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  again: () => void = () => {};
}

/** `path` null: nothing to ask for. `names`: of the `changed` events that concern it. While `later`, what is there
 * is not asked for again. To be called while a component is made. */
export function loaded<T>(
  path: () => string | null,
  names: () => string[],
  later: () => boolean = () => false,
): Loaded<T> {
  const out = new Loaded<T>();
  let shown: string | null = null; // whose answer is there
  let etag = '';
  let round = 0; // of everything being asked for anew

  const asking = new Asking(async (signal) => {
    const from = path();
    if (from === null) return;
    round = stamp('');
    out.busy = true;
    try {
      const answer = await request(from, {
        signal,
        ...(etag && shown === from ? { headers: { 'If-None-Match': etag } } : {}),
      });
      if (answer.status !== 304 && path() === from) {
        etag = answer.headers.get('ETag') ?? '';
        out.value = (await answer.json()) as T;
        shown = from;
      }
      if (path() === from) out.problem = null;
    } catch (error) {
      if (path() === from && !signal.aborted) {
        out.problem = problemOf(error);
        // No answer, and no memory or disk for one, say nothing about what is there.
        if (out.problem.kind !== 'network' && out.problem.kind !== 'environment') out.value = null;
        etag = '';
      }
    }
    out.busy = false;
  });
  const fetchNow = () => asking.now(round !== stamp(''));

  $effect(() => {
    const from = path();
    names().forEach(stamp);
    if (later() && from === shown) return;
    if (from !== shown) {
      out.value = null;
      out.problem = null;
    }
    if (from !== null) fetchNow();
  });
  out.again = fetchNow;
  return out;
}

/** Asked once and kept: what never changes while a server runs. */
const kept = new Map<string, Promise<unknown>>();
export function once<T>(path: string): Promise<T> {
  let found = kept.get(path) as Promise<T> | undefined;
  if (!found) {
    found = ask<T>(path);
    found.catch(() => kept.delete(path));
    kept.set(path, found);
  }
  return found;
}
