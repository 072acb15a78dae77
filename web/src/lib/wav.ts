// What the microphone gave, as a WAV file of 16 bits.

export function encodeWav(blocks: Float32Array[], rate: number): Blob {
  const count = blocks.reduce((sum, block) => sum + block.length, 0);
  const data = new DataView(new ArrayBuffer(44 + count * 2));
  const text = (at: number, word: string) =>
    [...word].forEach((mark, i) => data.setUint8(at + i, mark.charCodeAt(0)));
  text(0, 'RIFF');
  data.setUint32(4, 36 + count * 2, true);
  text(8, 'WAVEfmt ');
  data.setUint32(16, 16, true);
  data.setUint16(20, 1, true);
  data.setUint16(22, 1, true);
  data.setUint32(24, rate, true);
  data.setUint32(28, rate * 2, true);
  data.setUint16(32, 2, true);
  data.setUint16(34, 16, true);
  text(36, 'data');
  data.setUint32(40, count * 2, true);
  let at = 44;
  for (const block of blocks)
    for (const value of block) {
      data.setInt16(at, Math.round(Math.max(-1, Math.min(1, value)) * 32767), true);
      at += 2;
    }
  return new Blob([data.buffer], { type: 'audio/wav' });
}
