// The one stream of events, kept open: it resumes after the last event that arrived, whatever breaks. Runs in
// the shared worker, or in the page where there are none.
import { EventParser, type ServerEvent } from './sse';

export type LinkState = 'connecting' | 'live' | 'lost' | 'unauthorized';

export interface Stream {
  reconnect(): void;
  close(): void;
}

const silence = 40_000; // ms without a byte (heartbeats come each 15 s): the connection is dead
const waits = [300, 600, 1000, 2000]; // ms between tries

export function openStream(
  address: string,
  onEvent: (event: ServerEvent) => void,
  onLink: (state: LinkState) => void,
): Stream {
  let cursor = '';
  let tries = 0;
  let closed = false;
  let abort = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let heard = Date.now();

  const watch = setInterval(() => {
    const now = Date.now();
    if (now - heard > silence && !abort.signal.aborted) abort.abort();
  }, 5000);

  async function run(): Promise<void> {
    const mine = (abort = new AbortController());
    heard = Date.now();
    try {
      const query = cursor ? `?cursor=${encodeURIComponent(cursor)}` : '';
      const answer = await fetch(address + query, {
        signal: mine.signal,
        cache: 'no-store',
        headers: { Accept: 'text/event-stream' },
      });
      if (answer.status === 401) {
        closed = true;
        clearInterval(watch);
        return onLink('unauthorized');
      }
      if (!answer.ok || !answer.body) throw new Error(String(answer.status));
      onLink('live');
      tries = 0;
      const parser = new EventParser();
      const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard = Date.now();
        for (const event of parser.push(value)) {
          cursor = event.id ?? beginning(event, cursor);
          onEvent(event);
        }
      }
    } catch {
      // whatever it was: tried again below
    }
    if (closed || mine !== abort) return;
    onLink(tries === 0 ? 'connecting' : 'lost');
    timer = setTimeout(() => void run(), waits[Math.min(tries++, waits.length - 1)]);
  }
  void run();

  return {
    reconnect() {
      if (closed) return;
      clearTimeout(timer);
      tries = 0;
      const before = abort;
      onLink('connecting');
      void run();
      before.abort();
    },
    close() {
      closed = true;
      clearInterval(watch);
      clearTimeout(timer);
      abort.abort();
    },
  };
}

/** `hello` tells where a stream begins: for one that breaks before any event, or was begun anew. */
function beginning(event: ServerEvent, cursor: string): string {
  if (event.type !== 'hello') return cursor;
  const data = JSON.parse(event.data) as { cursor?: string; reset?: boolean };
  return cursor && !data.reset ? cursor : (data.cursor ?? '');
}
