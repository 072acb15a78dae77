// Plays parts of a recording exactly: from one sample to another, once, in a loop, or on and on; or together with the clip
// that was cut from it, of which one is heard.
import { placeOf } from '../../lib/align';
import { readSamples, type Wave } from '../../lib/pcm';

const chunk = 20; // s fetched at once where the end is far
const fade = 0.015; // s from one sound to the other
const around = 1; // s before and after a segment in which its clip is looked for

export type Side = 'original' | 'clip';

export class Player {
  playing = $state(false);
  looping = $state(false);
  at = $state(0); // s: where it plays, or would begin
  private context: AudioContext | null = null;
  private sources: AudioBufferSourceNode[] = [];
  private abort = new AbortController();
  private frame = 0;
  private sides: Record<Side, GainNode> | null = null; // while both play

  get comparing(): boolean {
    return this.sides !== null;
  }

  async play(wave: Wave, from: number, to: number, loop = false): Promise<void> {
    const { mine, context } = await this.begin();
    const end = Math.min(to, wave.seconds);
    if (end - from < 0.01) return;
    this.playing = true;
    this.looping = loop;
    this.at = from;
    try {
      let next = from;
      let begun = 0; // context time at which `from` sounds
      while (next < end && !mine.signal.aborted) {
        const last = Math.min(end, next + (loop ? 60 : chunk));
        const samples = await readSamples(wave, next, last, mine.signal);
        if (mine.signal.aborted) return;
        if (samples.length === 0) break;
        if (next === from) begun = context.currentTime + 0.02;
        this.schedule(wave.rate, samples, begun + (next - from), context.destination, loop);
        if (next === from) this.follow(from, last, end, begun, loop);
        next = last;
        if (loop) return;
        // The next piece is fetched when the one before is nearly over.
        while (next < end && begun + (next - from) - context.currentTime > 8 && !mine.signal.aborted)
          await new Promise((resolve) => setTimeout(resolve, 500));
      }
    } catch {
      if (!mine.signal.aborted) this.stop();
    }
  }

  /** The recording from `from` to `to` and its clip, at the same words; `side` is heard until `hear` changes that. */
  async compare(wave: Wave, from: number, to: number, clip: Wave, side: Side): Promise<void> {
    const { mine, context } = await this.begin();
    const first = Math.max(0, from - around);
    try {
      const [original, cut] = await Promise.all([
        readSamples(wave, first, to + around, mine.signal),
        readSamples(clip, 0, to - from + 2 * around, mine.signal),
      ]);
      if (mine.signal.aborted || !original.length) return;
      const place = placeOf({ samples: cut, rate: clip.rate }, { samples: original, rate: wave.rate });
      const start = place === null ? from : first + place; // of the clip in the recording
      const begun = context.currentTime + 0.02;
      this.sides = { original: context.createGain(), clip: context.createGain() };
      for (const [name, gain] of Object.entries(this.sides)) {
        gain.gain.value = name === side ? 1 : 0;
        gain.connect(context.destination);
      }
      const skipped = Math.round((from - first) * wave.rate);
      const asked = Math.round((to - from) * wave.rate);
      this.schedule(wave.rate, original.slice(skipped, skipped + asked), begun, this.sides.original);
      const late = Math.max(0, Math.round((from - start) * clip.rate)); // samples of the clip before `from`
      this.schedule(clip.rate, cut.slice(late), begun + Math.max(0, start - from), this.sides.clip);
      this.playing = true;
      this.at = from;
      this.follow(from, to, to, begun, false);
    } catch {
      if (!mine.signal.aborted) this.stop();
    }
  }

  /** While both play: the other one goes on from here. */
  hear(side: Side): void {
    for (const [name, { gain }] of Object.entries(this.sides ?? {})) {
      const now = this.context!.currentTime;
      gain.setValueAtTime(gain.value, now);
      gain.linearRampToValueAtTime(name === side ? 1 : 0, now + fade);
    }
  }

  private async begin() {
    this.stop();
    const mine = (this.abort = new AbortController());
    const context = (this.context ??= new AudioContext());
    await context.resume();
    return { mine, context };
  }

  private schedule(
    rate: number,
    samples: Float32Array<ArrayBuffer>,
    when: number,
    to: AudioNode,
    loop = false,
  ): void {
    const source = this.context!.createBufferSource();
    if (samples.length) {
      const buffer = this.context!.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(samples, 0);
      source.buffer = buffer;
    }
    source.loop = loop;
    source.connect(to);
    source.start(when);
    this.sources.push(source);
  }

  private follow(from: number, firstEnd: number, end: number, begun: number, loop: boolean): void {
    const step = () => {
      const passed = Math.max(0, this.context!.currentTime - begun);
      if (loop) this.at = from + (passed % (firstEnd - from));
      else if (from + passed >= end) return this.stop(from);
      else this.at = from + passed;
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** `at`: where the cursor goes; it stays where it is without. */
  stop(at?: number): void {
    this.abort.abort();
    cancelAnimationFrame(this.frame);
    for (const source of this.sources) {
      source.onended = null;
      source.stop();
      source.disconnect();
    }
    this.sources = [];
    this.sides = null;
    this.playing = false;
    this.looping = false;
    if (at !== undefined) this.at = at;
  }

  close(): void {
    this.stop();
    void this.context?.close();
    this.context = null;
  }
}
