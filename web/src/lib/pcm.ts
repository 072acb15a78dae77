// Sound of a recording by time, out of the server's WAV of it (mono, 16 bits): only the bytes that are needed.
import { address, errorOf } from './api';

export interface Wave {
  url: string;
  rate: number;
  data: number; // byte where the samples begin
  seconds: number;
}

export async function openWave(path: string): Promise<Wave> {
  const url = address(path);
  const answer = await fetch(url, { headers: { Range: 'bytes=0-4095' } });
  if (!answer.ok) throw await errorOf(answer);
  const buffer = await answer.arrayBuffer();
  const view = new DataView(buffer);
  const word = (at: number) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  let rate = 22050;
  for (let at = 12; at + 8 <= Math.min(buffer.byteLength, 4096);) {
    const size = view.getUint32(at + 4, true);
    if (word(at) === 'fmt ') rate = view.getUint32(at + 12, true);
    if (word(at) === 'data') return { url, rate, data: at + 8, seconds: size / 2 / rate };
    at += 8 + size + (size & 1);
  }
  throw new Error('WAV without data');
}

export async function readSamples(
  wave: Wave,
  from: number,
  to: number,
  signal?: AbortSignal,
): Promise<Float32Array<ArrayBuffer>> {
  const first = Math.max(0, Math.round(from * wave.rate));
  const last = Math.min(Math.round(to * wave.rate), Math.floor(wave.seconds * wave.rate));
  if (last <= first) return new Float32Array(0);
  const range = `bytes=${wave.data + first * 2}-${wave.data + last * 2 - 1}`;
  const answer = await fetch(wave.url, { headers: { Range: range }, signal: signal ?? null });
  if (!answer.ok) throw new Error(`${answer.status}`);
  const raw = new Int16Array(await answer.arrayBuffer());
  return Float32Array.from(raw, (value) => value / 32768);
}
