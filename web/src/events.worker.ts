// Shared by all tabs of a browser: one stream however many tabs, since browsers open only six connections to a
// server.
import type { FromTab, ToTab } from './lib/link';
import { openStream, type LinkState, type Stream } from './lib/stream';

const ports = new Set<MessagePort>();
let stream: Stream | null = null;
let link: LinkState = 'connecting';

function tell(message: ToTab): void {
  for (const port of ports) port.postMessage(message);
}

function start(address: string): void {
  stream = openStream(
    address,
    (event) => tell({ kind: 'event', event }),
    (state) => {
      link = state;
      if (state === 'unauthorized') stream = null; // the next tab has been through the login
      tell({ kind: 'link', state });
    },
  );
}

function connect(port: MessagePort): void {
  port.onmessage = ({ data }: MessageEvent<FromTab>) => {
    if (data.kind === 'bye') ports.delete(port);
    else if (data.kind === 'reconnect') stream?.reconnect();
    else {
      ports.add(port);
      if (!stream) start(data.address);
      else port.postMessage({ kind: 'link', state: link } satisfies ToTab);
    }
    if (ports.size === 0) {
      stream?.close();
      stream = null;
    }
  };
}

addEventListener('connect', (event) => {
  for (const port of (event as MessageEvent).ports) connect(port);
});
