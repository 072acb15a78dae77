// Series of runs, growing while they train.
import { SvelteMap } from 'svelte/reactivity';
import { ask, at } from '../lib/api';
import { appendColumns, ascending } from '../lib/columns';
import type { Columns, Metrics } from '../lib/types';
import { onJobEvent, studio } from './studio.svelte';

export interface RunSeries {
  steps: Columns;
  validation: Columns;
  saved: number[]; // iterations of which a checkpoint was written
}

const savedIn = (metrics: Metrics) => [
  ...new Set((metrics.milestones ?? []).flatMap(({ it, what }) => (what === 'save' ? [it] : []))),
];
const points = 4000;
const patience = 10_000; // ms

export class RunMetrics {
  readonly series = new SvelteMap<string, RunSeries>(); // by VOICE/RUN
  private next = new Map<string, number>();
  private timers = new Map<string, number>();
  private asking = new Map<string, { abort: AbortController; begun: number }>();
  private off = onJobEvent((id, event) => {
    if (id === '' && event === null) for (const run of this.series.keys()) void this.read(run, true);
    else if (event?.type === 'metric') {
      const run = studio.jobs.find((job) => job.id === id)?.run;
      if (run && this.next.has(run)) this.soon(run);
    }
  });

  /** Exactly these are kept. */
  want(runs: string[]): void {
    for (const run of [...this.next.keys()])
      if (!runs.includes(run)) {
        this.next.delete(run);
        this.series.delete(run);
      }
    for (const run of runs)
      if (!this.next.has(run)) {
        this.next.set(run, -1);
        void this.read(run, true);
      }
  }

  /** A few questions a second at most, however fast it trains. */
  soon(run: string): void {
    if (this.timers.has(run)) return;
    this.timers.set(
      run,
      window.setTimeout(() => {
        this.timers.delete(run);
        void this.read(run, false);
      }, 400),
    );
  }

  private async read(run: string, anew: boolean): Promise<void> {
    const after = this.next.get(run);
    if (after === undefined) return;
    const before = this.asking.get(run);
    if (before && !anew && Date.now() - before.begun < patience) return this.soon(run);
    before?.abort.abort(); // on a connection that died in silence its answer never comes
    const mine = { abort: new AbortController(), begun: Date.now() };
    this.asking.set(run, mine);
    const slash = run.indexOf('/');
    const path = `${at('runs', run.slice(0, slash), run.slice(slash + 1), 'metrics')}?points=${points}`;
    try {
      const fresh = await ask<Metrics>(anew || after < 0 ? path : `${path}&after=${after}`, {
        signal: mine.abort.signal,
      });
      const old = this.series.get(run);
      if (this.next.has(run)) {
        this.next.set(run, fresh.next);
        this.series.set(
          run,
          anew || fresh.reset || !old
            ? {
                steps: ascending(fresh.steps),
                validation: ascending(fresh.validation),
                saved: savedIn(fresh),
              }
            : {
                steps: appendColumns(old.steps, fresh.steps),
                validation: appendColumns(old.validation, fresh.validation),
                saved: [...new Set([...old.saved, ...savedIn(fresh)])],
              },
        );
      }
    } catch {
      // gone, or not begun: a later event asks again
    }
    if (this.asking.get(run) === mine) this.asking.delete(run);
  }

  close(): void {
    this.off();
    this.timers.forEach((timer) => clearTimeout(timer));
    this.asking.forEach((each) => each.abort.abort());
  }
}
