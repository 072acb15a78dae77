// Files on their way to the server; they go on while other pages are looked at.
import { ApiError, ask, at, problemOf } from '../lib/api';
import type { Problem, Upload } from '../lib/types';
import { Speed } from '../lib/speed';
import { uploadFile } from '../lib/upload';

export interface Sending {
  id: number;
  voice: string;
  name: string;
  size: number;
  offset: number;
  rate: number; // bytes a second, 0: not known
  state: 'waiting' | 'sending' | 'done' | 'exists' | 'failed';
  problem: Problem | null; // while sending: why it has to be tried again
}

interface Source {
  file: Blob;
  changed: number;
  abort: AbortController;
  replace: boolean;
  wake: () => void; // ends the wait for the next try
}

export const sending = $state<Sending[]>([]);
const sources = new Map<number, Source>();
let next = 1;
let running = false;

export function sendFiles(voice: string, files: { file: Blob; name: string; changed: number }[]): void {
  for (const { file, name, changed } of files) {
    if (
      sending.some(
        (each) =>
          each.voice === voice && each.name === name && each.state !== 'failed' && each.state !== 'done',
      )
    )
      continue;
    dropFinished(voice, name);
    const id = next++;
    sources.set(id, { file, changed, abort: new AbortController(), replace: false, wake: () => {} });
    sending.push({ id, voice, name, size: file.size, offset: 0, rate: 0, state: 'waiting', problem: null });
  }
  void work();
}

export function retry(id: number, replace = false): void {
  const each = sending.find((one) => one.id === id);
  const source = sources.get(id);
  if (!each || !source) return;
  if (each.state === 'sending') return source.wake();
  source.replace = replace;
  source.abort = new AbortController();
  each.state = 'waiting';
  each.problem = null;
  void work();
}

export function dismissUpload(id: number): void {
  const position = sending.findIndex((one) => one.id === id);
  const each = sending[position];
  const source = sources.get(id);
  if (!each || !source) return;
  source.abort.abort();
  source.wake();
  if (each.state === 'sending' || each.state === 'failed')
    void ask(path(each, source), { method: 'DELETE' }).catch(() => {});
  sources.delete(id);
  sending.splice(position, 1);
}

function dropFinished(voice: string, name: string): void {
  const old = sending.find((each) => each.voice === voice && each.name === name);
  if (old) {
    sources.delete(old.id);
    sending.splice(sending.indexOf(old), 1);
  }
}

function path(each: Sending, source: Source): string {
  return `${at('voices', each.voice, 'uploads', each.name)}?total=${each.size}&key=${source.changed}`;
}

/** One file after the other: two would only halve each other's speed. */
async function work(): Promise<void> {
  if (running) return;
  running = true;
  for (;;) {
    const each = sending.find((one) => one.state === 'waiting');
    if (!each) break;
    await send(each, sources.get(each.id)!);
  }
  running = false;
}

async function send(each: Sending, source: Source): Promise<void> {
  each.state = 'sending';
  const url = path(each, source);
  const transport = {
    state: () => ask<Upload>(url),
    send: (offset: number, piece: Blob) =>
      ask<Upload>(`${url}&offset=${offset}${source.replace ? '&replace=true' : ''}`, {
        method: 'PUT',
        body: piece,
        type: 'application/octet-stream',
        signal: source.abort.signal,
      }),
    wait: (milliseconds: number) =>
      new Promise<void>((resolve) => {
        source.wake = resolve;
        setTimeout(resolve, milliseconds);
      }),
  };
  const speed = new Speed();
  const progress = (offset: number) => {
    each.offset = offset;
    speed.at(performance.now() / 1000, offset);
    each.rate = speed.rate;
  };
  const trouble = (problem: Problem | null) => (each.problem = problem);
  try {
    await uploadFile(source.file, transport, progress, source.abort.signal, trouble);
    each.state = 'done';
    setTimeout(() => each.state === 'done' && dismissUpload(each.id), 4000);
  } catch (error) {
    if (source.abort.signal.aborted) return;
    each.problem = problemOf(error);
    each.state = error instanceof ApiError && error.status === 409 ? 'exists' : 'failed';
  }
}

/** Whoever closes the page would break them off: the browser asks first. */
export function askBeforeLeaving(): void {
  addEventListener('beforeunload', (event) => {
    if (sending.some((each) => each.state === 'waiting' || each.state === 'sending')) event.preventDefault();
  });
}
