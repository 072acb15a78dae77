// Where one sound lies in another: by the loudness of both over time, which resampling, filters and dither leave alone.
const step = 0.005; // s of a frame

/** The loudness of each frame (dB above the quiet of 16 bits), less its mean. */
function loudness(samples: Float32Array, rate: number): Float32Array {
  const size = step * rate;
  const frames = new Float32Array(Math.floor(samples.length / size));
  let mean = 0;
  for (let i = 0; i < frames.length; ++i) {
    const from = Math.round(i * size);
    const to = Math.round((i + 1) * size);
    let sum = 0;
    for (let k = from; k < to; ++k) sum += samples[k]! * samples[k]!;
    mean += frames[i] = 10 * Math.log10(sum / (to - from) + 1e-8);
  }
  mean /= frames.length || 1;
  return frames.map((each) => each - mean);
}

/** Seconds into `whole` at which `part` fits best, if need be before its beginning or over its end; null: nowhere. */
export function placeOf(
  part: { samples: Float32Array; rate: number },
  whole: { samples: Float32Array; rate: number },
): number | null {
  const short = loudness(part.samples, part.rate);
  const long = loudness(whole.samples, whole.rate);
  const least = Math.max(1, Math.floor(Math.min(short.length, long.length) * 0.7)); // frames that must overlap
  let best = -Infinity;
  let place: number | null = null;
  for (let lag = least - short.length; lag + least <= long.length; ++lag) {
    let both = 0;
    let one = 0;
    let other = 0;
    for (let i = Math.max(0, -lag); i < short.length && lag + i < long.length; ++i) {
      both += short[i]! * long[lag + i]!;
      one += short[i]! ** 2;
      other += long[lag + i]! ** 2;
    }
    const likeness = one && other ? both / Math.sqrt(one * other) : 0;
    if (likeness > best) [best, place] = [likeness, lag * step];
  }
  return best > 0.3 ? place : null;
}
