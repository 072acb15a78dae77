// What a job has told, in order and once each: from its file (asked for) and from the stream (as it comes),
// which overlap.
import type { JobEvent } from './types';

export interface ConsoleLine {
  seq: number;
  time: number;
  level: 'info' | 'warning' | 'error' | 'verbose';
  text: string;
}

const most = 20_000; // lines kept

export class JobLog {
  lines: ConsoleLine[] = [];
  private last = 0; // seq of the newest event taken
  private waiting: JobEvent[] | null = [];

  /** Of the stream. Kept aside until the file was read. */
  live(event: JobEvent): boolean {
    if (this.waiting) {
      this.waiting.push(event);
      return false;
    }
    return this.take(event);
  }

  /** Of the file: all there is now. */
  loaded(events: JobEvent[]): void {
    const waiting = this.waiting ?? [];
    this.waiting = null;
    this.lines = [];
    this.last = 0;
    for (const event of events) this.take(event);
    for (const event of waiting) this.take(event);
  }

  private take(event: JobEvent): boolean {
    if (event.seq <= this.last) return false;
    this.last = event.seq;
    const line = consoleLine(event);
    if (!line) return false;
    this.lines.push(line);
    if (this.lines.length > most * 1.1) this.lines = this.lines.slice(-most);
    return true;
  }
}

export function consoleLine(event: JobEvent): ConsoleLine | null {
  const line = (level: ConsoleLine['level'], text: string): ConsoleLine => ({
    seq: event.seq,
    time: event.time,
    level,
    text,
  });
  switch (event.type) {
    case 'log': {
      const level = event.level === 'warning' || event.level === 'error' ? event.level : 'info';
      return line(level, String(event.message ?? ''));
    }
    case 'remark':
      return line('warning', String(event.message ?? ''));
    case 'artifact':
      return line('info', `${event.kind}: ${event.path}`);
    case 'failed':
      return line('error', [event.reason, event.hint].filter(Boolean).join(' '));
    case 'done':
      return line('info', 'done');
    default:
      return line('verbose', `${event.type} ${fields(event)}`);
  }
}

function fields(event: JobEvent): string {
  return Object.entries(event)
    .filter(([key]) => key !== 'seq' && key !== 'time' && key !== 'type')
    .map(
      ([key, value]) =>
        `${key}=${typeof value === 'number' ? Number(value.toPrecision(5)) : typeof value === 'object' ? JSON.stringify(value) : value}`,
    )
    .join(' ');
}
