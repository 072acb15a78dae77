// The console of a job, live.
import { ApiError, ask, at } from '../lib/api';
import { JobLog, type ConsoleLine } from '../lib/joblog';
import type { JobEvent } from '../lib/types';
import { followRun } from './runevents.svelte';
import { onJobEvent } from './studio.svelte';

export interface Told {
  readonly lines: ConsoleLine[];
  close(): void;
}

const quietTypes = 'log,artifact,remark,done,failed';
const shown = (lines: ConsoleLine[], verbose: boolean) =>
  lines.filter((line) => verbose || line.level !== 'verbose');

/** Of a run, also one that a terminal trains. To be made in an effect. */
export class RunLog implements Told {
  lines = $state.raw<ConsoleLine[]>([]);
  readonly close: () => void;

  constructor(voice: string, run: string, verbose: boolean) {
    const log = new JobLog();
    this.close = followRun(voice, run, verbose ? '' : quietTypes, (events, anew) => {
      if (anew) log.loaded(events);
      else events.forEach((event) => log.live(event));
      this.lines = shown(log.lines, verbose);
    });
  }
}

export class LiveLog implements Told {
  lines = $state.raw<ConsoleLine[]>([]);
  private log = new JobLog();
  private frame = 0;
  private timer = 0; // of the next try
  private closed = false;
  private asking = new AbortController();
  private off: () => void;

  constructor(
    readonly job: string,
    private readonly verbose: boolean,
  ) {
    this.off = onJobEvent((id, event) => {
      if (id === '' && event === null) void this.read();
      else if (id === job && event && this.log.live(event)) this.show();
    });
    void this.read();
  }

  private async read(): Promise<void> {
    clearTimeout(this.timer);
    this.asking.abort();
    this.asking = new AbortController();
    const log = (this.log = new JobLog()); // until it is read, what was shown stays
    const types = this.verbose ? '' : `&types=${quietTypes}`;
    try {
      const { events } = await ask<{ events: JobEvent[] }>(
        `${at('jobs', this.job, 'events')}?last=5000${types}`,
        { signal: this.asking.signal },
      );
      log.loaded(events);
      if (log === this.log) this.show();
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) {
        log.loaded([]); // gone
        if (log === this.log) this.show();
        return;
      }
      if (!this.closed && log === this.log) this.timer = window.setTimeout(() => void this.read(), 1000);
    }
  }

  /** Many lines, one drawing. */
  private show(): void {
    if (this.frame) return;
    this.frame = window.setTimeout(() => {
      this.frame = 0;
      this.lines = shown(this.log.lines, this.verbose);
    }, 80);
  }

  close(): void {
    this.closed = true;
    this.off();
    this.asking.abort();
    clearTimeout(this.frame);
    clearTimeout(this.timer);
  }
}
