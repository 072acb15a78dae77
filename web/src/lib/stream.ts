// The one stream of events, kept open: it resumes after the last event that arrived, whatever breaks. Runs in
// the shared worker, or in the page where there are none.
import { EventParser, type ServerEvent } from './sse';

export type LinkState = 'connecting' | 'live' | 'lost' | 'unauthorized';

export interface Stream {
  reconnect(): void;
  close(): void;
}

const silence = 40_000; // ms without a byte (heartbeats come each 15 s): the connection is dead
const waits = [200, 400, 700]; // ms between tries: who comes back is seen within a second
const unanswered = 10_000; // ms until an attempt to connect is given up
const beat = 5000; // ms between looks at the clock
const slept = 25_000; // ms that a look came late: nothing ran meanwhile

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
  let looked = Date.now();
  let live = false;

  // A machine that wakes up holds a connection that the other side may have given up long ago, and hears nothing of it.
  // (A hidden tab's clock is slowed down, too; there a new connection costs nothing.)
  const watch = setInterval(() => {
    const now = Date.now();
    const woke = now - looked > slept;
    looked = now;
    if (woke) anew();
    else if (now - heard > (live ? silence : unanswered)) abort.abort();
  }, beat);

  async function run(): Promise<void> {
    const mine = (abort = new AbortController());
    heard = Date.now();
    live = false;
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
      live = true;
      heard = Date.now();
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
  function anew(): void {
    if (closed) return;
    clearTimeout(timer);
    tries = 0;
    const before = abort;
    onLink('connecting');
    void run();
    before.abort();
  }
  void run();

  return {
    reconnect() {
      // Ten tabs that hear of a new network at once want one connection.
      if (live || tries > 0 || Date.now() - heard > 1000) anew();
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
