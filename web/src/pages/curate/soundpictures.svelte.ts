// What is seen of a recording: the waveform of all of it, and waveform and spectrogram around the part that is shown.
import { address, at, errorOf, problemOf } from '../../lib/api';
import { pixelsOf, shades } from '../../lib/shades';
import type { Problem } from '../../lib/types';
import type { View } from '../../lib/waveview';
import { colours } from '../../parts/colours.svelte';
import { stamp } from '../../state/studio.svelte';

export interface Peaks {
  from: number; // s
  to: number;
  pairs: Int8Array; // the least and the most of each column
}
export interface Spectrogram {
  from: number; // s
  to: number;
  image: ImageBitmap;
}
interface Shown {
  voice: () => string;
  recording: () => string;
  length: () => number; // s
  width: () => number; // px
  view: () => View;
}

const longest = 60; // s of a spectrogram
const day = shades([
  [0, 255, 255, 255],
  [0.45, 222, 238, 234],
  [0.7, 84, 158, 146],
  [0.88, 11, 80, 70],
  [1, 4, 32, 28],
]);
const night = shades([
  [0, 27, 30, 29],
  [0.45, 24, 52, 47],
  [0.7, 40, 122, 108],
  [0.88, 120, 214, 192],
  [1, 240, 255, 250],
]);

export class SoundPictures {
  whole = $state.raw<Peaks | null>(null);
  peaks = $state.raw<Peaks | null>(null);
  spectrogram = $state.raw<Spectrogram | null>(null);
  problem = $state.raw<Problem | null>(null); // why they are not there

  /** To be made while a component is made. */
  constructor(shown: Shown) {
    const base = $derived(at('voices', shown.voice(), 'recordings', shown.recording()));
    $effect(() => {
      const columns = Math.round(shown.width());
      const length = shown.length();
      void stamp(''); // asked for anew when the server is back
      if (columns < 10 || length <= 0) return;
      const abort = new AbortController();
      askPeaks(base, 0, length, columns, abort.signal).then(
        (found) => (this.whole = found),
        (error: unknown) => abort.signal.aborted || (this.problem = problemOf(error)),
      );
      return () => abort.abort();
    });
    $effect(() => {
      const columns = Math.round(shown.width());
      const length = shown.length();
      const { from, to } = shown.view();
      const place = base;
      void colours();
      void stamp('');
      if (columns < 10 || length <= 0) return;
      const abort = new AbortController();
      const timer = setTimeout(() => {
        const air = (to - from) * 0.25;
        const low = Math.max(0, from - air);
        const high = Math.min(length, to + air);
        const wanted = Math.min(4000, Math.round(columns * 1.5 * Math.min(2, devicePixelRatio || 1)));
        askPeaks(place, low, high, wanted, abort.signal).then(
          (found) => ((this.peaks = found), (this.problem = null)),
          (error: unknown) => abort.signal.aborted || (this.problem = problemOf(error)),
        );
        if (high - low <= longest)
          askSpectrogram(place, low, high, Math.min(2000, Math.round(columns * 1.5)), abort.signal).then(
            (found) => (this.spectrogram = found),
            (error: unknown) => abort.signal.aborted || (this.problem = problemOf(error)),
          );
        else this.spectrogram = null;
      }, 60);
      return () => {
        clearTimeout(timer);
        abort.abort();
      };
    });
  }

  clear(): void {
    this.whole = this.peaks = this.spectrogram = this.problem = null;
  }
}

async function askPart(path: string, from: number, to: number, columns: number, signal: AbortSignal) {
  const answer = await fetch(address(`${path}?from=${from}&to=${to}&columns=${columns}`), { signal });
  if (!answer.ok) throw await errorOf(answer);
  return {
    from: Number(answer.headers.get('X-From') ?? from),
    to: Number(answer.headers.get('X-To') ?? to),
    bands: Number(answer.headers.get('X-Bands') ?? 80),
    bytes: await answer.arrayBuffer(),
  };
}

async function askPeaks(
  base: string,
  from: number,
  to: number,
  columns: number,
  signal: AbortSignal,
): Promise<Peaks> {
  const found = await askPart(`${base}/peaks`, from, to, columns, signal);
  return { from: found.from, to: found.to, pairs: new Int8Array(found.bytes) };
}

async function askSpectrogram(
  base: string,
  from: number,
  to: number,
  columns: number,
  signal: AbortSignal,
): Promise<Spectrogram | null> {
  const found = await askPart(`${base}/spectrogram`, from, to, columns, signal);
  const { theme } = document.documentElement.dataset;
  const dark = matchMedia('(prefers-color-scheme: dark)').matches ? theme !== 'light' : theme === 'dark';
  const { width, height, pixels } = pixelsOf(new Uint8Array(found.bytes), found.bands, dark ? night : day);
  if (!width) return null;
  const image = await createImageBitmap(new ImageData(pixels, width, height));
  return { from: found.from, to: found.to, image };
}
