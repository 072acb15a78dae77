// Sounds, computed: any part of an hour, its waveform and its spectrogram.
import type { Call } from './call';

const rate = 22050;
export const seconds = 3600;

export function peaks(call: Call): void {
  const { response, url } = call;
  const from = Number(url.searchParams.get('from') ?? 0);
  const to = Number(url.searchParams.get('to') ?? seconds);
  const columns = Math.min(
    Number(url.searchParams.get('columns') ?? 2000),
    Math.ceil(((to - from) * rate) / 256),
  );
  const out = new Int8Array(columns * 2);
  for (let i = 0; i < columns; i++) {
    const at = from + ((i + 0.5) / columns) * (to - from);
    const size = loud(at) * (0.75 + 0.25 * Math.sin(at * 431));
    out[2 * i] = -127 * size;
    out[2 * i + 1] = 120 * size;
  }
  response.setHeader('X-Seconds', seconds);
  response.setHeader('X-From', from);
  response.setHeader('X-To', to);
  response.end(Buffer.from(out.buffer));
}
export function picture(call: Call): void {
  const { response, url } = call;
  const from = Number(url.searchParams.get('from'));
  const to = Number(url.searchParams.get('to'));
  const columns = Math.min(1000, Number(url.searchParams.get('columns') ?? 1000));
  const out = Buffer.alloc(columns * 80);
  for (let i = 0; i < columns; i++) {
    const at = from + (i / columns) * (to - from);
    const pitch = 6 + 2 * Math.sin(at * 3);
    for (let band = 0; band < 80; band++)
      out[i * 80 + band] =
        40 +
        190 * loud(at) * Math.max(0, Math.cos((band / pitch) * Math.PI * 2)) * Math.exp(-band / 42) +
        20 * Math.sin(band + at * 91);
  }
  response.setHeader('X-Bands', 80);
  response.setHeader('X-From', from);
  response.setHeader('X-To', to);
  response.end(out);
}

export function sound(call: Call): void {
  const { request, response } = call;
  const total = 44 + seconds * rate * 2;
  const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
  const first = range ? Number(range[1]) : 0;
  const last = Math.min(range?.[2] ? Number(range[2]) : first + 2_000_000, total - 1);
  const out = Buffer.alloc(last - first + 1);
  const head = wavHead(seconds * rate);
  for (let i = 0; i < out.length; i++) {
    const at = first + i;
    if (at < 44) out[i] = head[at]!;
    else if ((at - 44) % 2 === 0 && i + 1 < out.length)
      out.writeInt16LE(Math.round(9000 * loud((at - 44) / 2 / rate) * Math.sin(((at - 44) / 2) * 0.06)), i);
  }
  response.writeHead(206, {
    'Content-Type': 'audio/wav',
    'Content-Range': `bytes ${first}-${last}/${total}`,
    'Accept-Ranges': 'bytes',
  });
  response.end(out);
}

const loud = (at: number) =>
  at % 4 > 3.5 ? 0.02 : Math.abs(Math.sin(at * 2.1) * Math.sin(at * 0.77 + 1)) ** 0.7 * 0.85 + 0.03;

function wavHead(samples: number): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples * 2, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples * 2, 40);
  return head;
}
