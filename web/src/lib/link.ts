// A tab's end of the stream: through the shared worker, or a stream of its own where the browser has none.
import { openStream, type LinkState, type Stream } from './stream';
import type { ServerEvent } from './sse';

export type FromTab = { kind: 'hello'; address: string } | { kind: 'bye' } | { kind: 'reconnect' };
export type ToTab = { kind: 'event'; event: ServerEvent } | { kind: 'link'; state: LinkState };

export function openLink(
  address: string,
  onEvent: (event: ServerEvent) => void,
  onLink: (state: LinkState) => void,
): Stream {
  if (typeof SharedWorker === 'undefined') return openStream(address, onEvent, onLink);
  const worker = new SharedWorker(new URL('../events.worker.ts', import.meta.url), {
    type: 'module',
    name: address,
  });
  const send = (message: FromTab) => worker.port.postMessage(message);
  const hello = () => send({ kind: 'hello', address });
  worker.port.onmessage = ({ data }: MessageEvent<ToTab>) =>
    data.kind === 'event' ? onEvent(data.event) : onLink(data.state);
  worker.port.start();
  hello();
  const bye = () => send({ kind: 'bye' });
  addEventListener('pagehide', bye);
  addEventListener('pageshow', (event) => event.persisted && hello());
  return { reconnect: () => send({ kind: 'reconnect' }), close: bye };
}
