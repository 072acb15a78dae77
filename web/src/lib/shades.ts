// Bytes of a spectrogram (column by column, low to high) as pixels.

export type Stop = [share: number, red: number, green: number, blue: number];

/** 256 colours between the stops, RGBA. */
export function shades(stops: Stop[]): Uint8ClampedArray {
  const out = new Uint8ClampedArray(256 * 4);
  for (let i = 0; i < 256; i++) {
    const share = i / 255;
    const next = Math.max(
      1,
      stops.findIndex((stop) => stop[0] >= share),
    );
    const a = stops[next - 1]!;
    const b = stops[next]!;
    const between = Math.min(1, Math.max(0, (share - a[0]) / (b[0] - a[0])));
    for (let k = 0; k < 3; k++) out[4 * i + k] = a[k + 1]! + (b[k + 1]! - a[k + 1]!) * between;
    out[4 * i + 3] = 255;
  }
  return out;
}

export function pixelsOf(
  bytes: Uint8Array,
  bands: number,
  colours: Uint8ClampedArray,
): { width: number; height: number; pixels: Uint8ClampedArray<ArrayBuffer> } {
  const width = Math.floor(bytes.length / bands);
  const pixels = new Uint8ClampedArray(width * bands * 4);
  for (let column = 0; column < width; column++)
    for (let band = 0; band < bands; band++) {
      const shade = bytes[column * bands + band]! * 4;
      pixels.set(colours.subarray(shade, shade + 4), ((bands - 1 - band) * width + column) * 4);
    }
  return { width, height: bands, pixels };
}
