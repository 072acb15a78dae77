import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStream, type Stream } from '../src/lib/stream';

/** A server whose connections are fed by hand. */
class Server {
  asked: string[] = [];
  answers: number[] = []; // statuses of the next connections; 200 without
  private feeds: ReadableStreamDefaultController<Uint8Array>[] = [];

  fetch = (url: string, { signal }: { signal: AbortSignal }): Promise<Response> => {
    this.asked.push(url);
    const status = this.answers.shift() ?? 200;
    if (status === 0) return Promise.reject(new TypeError('failed'));
    const body = new ReadableStream<Uint8Array>({
      start: (feed) => {
        this.feeds.push(feed);
        signal.addEventListener('abort', () => feed.error(new DOMException('', 'AbortError')));
      },
    });
    return Promise.resolve(new Response(status === 200 ? body : null, { status }));
  };
  send(text: string): void {
    this.feeds.at(-1)!.enqueue(new TextEncoder().encode(text));
  }
  end(): void {
    this.feeds.at(-1)!.close();
  }
}

let server: Server;
let stream: Stream;
let events: string[];
let links: string[];
const turn = (milliseconds = 0) => vi.advanceTimersByTimeAsync(milliseconds);

beforeEach(async () => {
  vi.useFakeTimers();
  server = new Server();
  vi.stubGlobal('fetch', server.fetch);
  events = [];
  links = [];
  stream = openStream(
    'http://x/events',
    (event) => events.push(`${event.type}:${event.data}`),
    (link) => links.push(link),
  );
  await turn();
});
afterEach(() => {
  stream.close();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('goes on after the last event that came', async () => {
  server.send('event: hello\ndata: {"cursor":"h0"}\n\nevent: job\nid: c1\ndata: 1\n\nevent: job\nid: c2\nda');
  await turn();
  server.end();
  await turn(1000);
  expect(server.asked).toEqual(['http://x/events', 'http://x/events?cursor=c1']);
  server.send('event: hello\ndata: {"cursor":"h9"}\n\n');
  await turn();
  server.end(); // before anything was told again: not from h9, which would leave it out
  await turn(1000);
  expect(server.asked.at(-1)).toBe('http://x/events?cursor=c1');
  expect(events).toEqual(['hello:{"cursor":"h0"}', 'job:1', 'hello:{"cursor":"h9"}']);
});

test('goes on where it began when nothing was told, and anew when the server says so', async () => {
  server.send('event: hello\ndata: {"cursor":"h0"}\n\n');
  await turn();
  server.end();
  await turn(1000);
  expect(server.asked.at(-1)).toBe('http://x/events?cursor=h0');
  server.send('event: hello\ndata: {"cursor":"h5","reset":true}\n\n');
  await turn();
  server.end();
  await turn(1000);
  expect(server.asked.at(-1)).toBe('http://x/events?cursor=h5');
});

test('tries again and again, and says when it is lost', async () => {
  server.answers = [0, 503, 0, 200];
  server.end();
  await turn(10_000);
  expect(server.asked).toHaveLength(5);
  expect(links).toEqual(['live', 'connecting', 'lost', 'lost', 'lost', 'live']);
});

test('ends a connection on which not even a heartbeat comes', async () => {
  for (let i = 0; i < 6; i++) {
    await turn(15_000);
    server.send(': beat\n\n');
  }
  expect(server.asked).toHaveLength(1);
  await turn(50_000);
  expect(server.asked).toHaveLength(2);
});

test('a machine that slept connects anew at once: its connection may have died unseen', async () => {
  server.send('event: job\nid: c3\ndata: 1\n\n');
  await turn(15_000);
  expect(server.asked).toHaveLength(1);
  vi.setSystemTime(Date.now() + 30_000); // less than the silence that a connection may keep
  await turn(5000);
  expect(server.asked).toEqual(['http://x/events', 'http://x/events?cursor=c3']);
  expect(links.at(-1)).toBe('live');
});

test('who comes back is found within a second', async () => {
  server.answers = [0, 0, 0, 0, 0, 0, 0, 0];
  server.end();
  await turn(4000);
  const asked = server.asked.length;
  await turn(1000);
  expect(server.asked.length).toBeGreaterThan(asked);
});

test('ten who ask to reconnect at once get one connection', async () => {
  for (let i = 0; i < 10; i++) stream.reconnect();
  await turn(3000);
  expect(server.asked).toHaveLength(2);
});

test('reconnects when told to, with one connection', async () => {
  server.send('event: job\nid: c7\ndata: 1\n\n');
  await turn();
  stream.reconnect();
  await turn(5000);
  expect(server.asked).toEqual(['http://x/events', 'http://x/events?cursor=c7']);
  expect(links.at(-1)).toBe('live');
});

test('stops where a login is needed', async () => {
  server.answers = [401];
  server.end();
  await turn(20_000);
  expect(server.asked).toHaveLength(2);
  expect(links.at(-1)).toBe('unauthorized');
});
