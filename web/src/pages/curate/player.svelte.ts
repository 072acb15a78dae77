// Plays parts of a recording exactly: from one sample to another, once, in a loop, or on and on; or together with the clip
// that was cut from it, of which one is heard.
import { placeOf } from '../../lib/align';
import { readSamples, type Wave } from '../../lib/pcm';

const chunk = 20; // s fetched at once where the end is far
const fade = 0.015; // s from one sound to the other, or to silence
const lead = 0.03; // s until what is asked for is heard: sound is computed ahead of the time that the page is told
const around = 1; // s before and after a segment in which its clip is looked for

export type Side = 'original' | 'clip';

const soon = (context: AudioContext | null) => (context ? context.currentTime + lead : 0);

export class Player {
  playing = $state(false);
  looping = $state(false);
  at = $state(0); // s: where it plays, or would begin
  private context: AudioContext | null = null;
  private sources: AudioBufferSourceNode[] = [];
  private abort = new AbortController();
  private frame = 0;
  private sides: Record<Side, GainNode> | null = null; // while both play
  private out: GainNode | null = null; // what plays
  private preparing = new AbortController();
  private placeAt: (time: number) => number = () => 0; // what is heard at a time of the context

  heard = $state<Side | null>(null); // which of both, while both play

  async play(wave: Wave, from: number, to: number, loop = false): Promise<void> {
    const { mine, context, out } = await this.begin();
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
        if (next === from) begun = soon(context);
        this.schedule(wave.rate, samples, begun + (next - from), out, loop);
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

  /** A segment of the recording and its clip together, at the same words, of which `side` is heard until `hear` changes
   * that. What is heard of the recording goes over into it in mid-sound. `whole`: the clip is all of the recording. */
  async compare(
    wave: Wave,
    start: number,
    end: number,
    clip: Wave,
    whole: boolean,
    side: Side,
  ): Promise<void> {
    this.preparing.abort();
    const mine = (this.preparing = new AbortController());
    const context = await this.ready();
    const first = Math.max(0, start - around);
    const [original, cut] = await Promise.all([
      readSamples(wave, first, end + around, mine.signal),
      readSamples(clip, whole ? first : 0, (whole ? end : end - start + around) + around, mine.signal),
    ]);
    if (mine.signal.aborted || !original.length) return;
    const place = placeOf({ samples: cut, rate: clip.rate }, { samples: original, rate: wave.rate });
    const clipStart = place !== null ? first + place : whole ? first : start; // in the recording
    const begun = soon(context);
    const now = this.playing && !this.looping ? this.placeAt(begun) : start;
    const from = now > start && now < end - fade ? now : start;
    this.halt(begun);
    const out = this.outlet(context);
    const sides = (this.sides = { original: context.createGain(), clip: context.createGain() });
    for (const each of Object.values(sides)) {
      each.gain.value = 0;
      each.connect(out);
    }
    const skipped = Math.round((from - first) * wave.rate);
    const asked = Math.round((end - from) * wave.rate);
    this.schedule(wave.rate, original.slice(skipped, skipped + asked), begun, sides.original);
    const late = Math.max(0, Math.round((from - clipStart) * clip.rate)); // samples of the clip before `from`
    this.schedule(clip.rate, cut.slice(late), begun + Math.max(0, clipStart - from), sides.clip);
    this.playing = true;
    this.at = from;
    this.hear(side, begun);
    this.follow(from, end, end, begun, false, start);
  }

  /** While both play: the other one goes on from here. */
  hear(side: Side, when = soon(this.context)): void {
    if (!this.sides) return;
    this.heard = side;
    for (const [name, { gain }] of Object.entries(this.sides)) {
      gain.cancelScheduledValues(when);
      gain.setValueAtTime(gain.value, when);
      gain.linearRampToValueAtTime(name === side ? 1 : 0, when + fade);
    }
  }

  private async ready(): Promise<AudioContext> {
    const context = (this.context ??= new AudioContext());
    await context.resume();
    return context;
  }
  private outlet(context: AudioContext): GainNode {
    this.out = context.createGain();
    this.out.connect(context.destination);
    return this.out;
  }
  private async begin() {
    this.stop();
    const mine = this.abort;
    const context = await this.ready();
    return { mine, context, out: this.outlet(context) };
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

  private follow(
    from: number,
    firstEnd: number,
    end: number,
    begun: number,
    loop: boolean,
    back = from, // where the cursor goes at the end
  ): void {
    this.placeAt = (time) => from + Math.max(0, time - begun);
    const step = () => {
      const passed = Math.max(0, this.context!.currentTime - begun);
      if (loop) this.at = from + (passed % (firstEnd - from));
      else if (from + passed >= end) return this.stop(back);
      else this.at = from + passed;
      this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  /** `at`: where the cursor goes; it stays where it is without. */
  stop(at?: number): void {
    this.preparing.abort();
    this.halt(soon(this.context));
    if (at !== undefined) this.at = at;
  }

  /** Without a click; what follows may begin at `when`. */
  private halt(when: number): void {
    this.abort.abort();
    this.abort = new AbortController();
    cancelAnimationFrame(this.frame);
    this.out?.gain.setValueAtTime(1, when);
    this.out?.gain.linearRampToValueAtTime(0, when + fade);
    for (const source of this.sources) source.stop(when + fade);
    this.sources = [];
    this.sides = null;
    this.heard = null;
    this.playing = false;
    this.looping = false;
    this.out = null;
  }

  close(): void {
    this.stop();
    void this.context?.close();
    this.context = null;
  }
}
