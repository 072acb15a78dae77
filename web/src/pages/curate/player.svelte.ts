// Plays parts of a recording exactly: from one sample to another, once, in a loop, or on and on.
import { readSamples, type Wave } from '../../lib/pcm';

const chunk = 20; // s fetched at once where the end is far

export class Player {
  playing = $state(false);
  looping = $state(false);
  at = $state(0); // s: where it plays, or would begin
  private context: AudioContext | null = null;
  private sources: AudioBufferSourceNode[] = [];
  private abort = new AbortController();
  private frame = 0;

  async play(wave: Wave, from: number, to: number, loop = false): Promise<void> {
    this.stop();
    const mine = (this.abort = new AbortController());
    this.context ??= new AudioContext();
    const context = this.context;
    await context.resume();
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
        this.schedule(wave, samples, begun + (next - from), loop);
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

  private schedule(wave: Wave, samples: Float32Array<ArrayBuffer>, when: number, loop: boolean): void {
    const context = this.context!;
    const buffer = context.createBuffer(1, samples.length, wave.rate);
    buffer.copyToChannel(samples, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.loop = loop;
    source.connect(context.destination);
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
