// What can be listened to: the recording that is shown, from one place to another, on and on or in a loop, and the
// clip that was cut from it.
import { at, problemOf } from '../../lib/api';
import { openWave, type Wave } from '../../lib/pcm';
import type { Problem, Segment } from '../../lib/types';
import { loopSpan, type LoopPart } from '../../lib/waveview';
import { sound } from '../../state/sound.svelte';
import { Player } from './player.svelte';

interface Place {
  recording: () => string;
  segments: () => Segment[]; // of the recording, by start
  selected: () => Segment | undefined;
  heard: (segment: Segment) => void; // another one than was selected, playing on
  unheard: (clip: string, problem: Problem) => void; // it cannot be played
}

export class Listening {
  readonly player = new Player();
  wave = $state.raw<Wave | null>(null);
  problem = $state.raw<Problem | null>(null); // why it cannot be played
  private tries = $state(0);
  looped = $state<LoopPart>('segment');
  readonly playing = $derived(this.player.playing || sound.playing !== '');
  private goesOn = false; // beyond the segment
  private asked = 0; // comparisons; none that was asked for before a stop begins after it
  private readonly start = $derived.by(() => this.place.selected()?.start ?? 0);
  private readonly end = $derived.by(() => this.place.selected()?.end ?? 0);

  /** To be made while a component is made. */
  constructor(
    private readonly voice: string,
    private readonly place: Place,
  ) {
    $effect(() => () => (this.player.close(), sound.stop()));
    $effect(() => (void this.tries, this.open(place.recording())));
    // A loop follows the edge that is moved.
    let looped = '';
    $effect(() => {
      const edges = `${this.start} ${this.end}`;
      if (this.player.looping && looped !== '' && looped !== edges) this.again();
      looped = this.player.looping ? edges : '';
    });
    $effect(() => {
      if (!this.player.playing || !this.goesOn) return;
      const { at } = this.player;
      const heard = place.segments().find((each) => at >= each.start && at < each.end);
      if (heard && heard.segment !== place.selected()?.segment) place.heard(heard);
    });
  }

  private open(recording: string): (() => void) | void {
    this.wave = null;
    this.problem = null;
    this.player.stop(0);
    if (!recording) return;
    let gone = false;
    openWave(`${at('voices', this.voice, 'recordings', recording, 'audio')}?form=wav`).then(
      (opened) => !gone && (this.wave = opened),
      (error: unknown) => !gone && (this.problem = problemOf(error)),
    );
    return () => (gone = true);
  }

  /** Opens what could not be opened. */
  retry = (): void => void this.tries++;

  private play(from: number, to: number, loop = false): void {
    this.stop();
    this.goesOn = false;
    if (this.wave) void this.player.play(this.wave, from, to, loop);
  }
  private again = () => this.play(...loopSpan(this.looped, { start: this.start, end: this.end }), true);

  stop(): void {
    this.asked++;
    this.player.stop();
    sound.stop();
  }
  moveCursor(by: number): void {
    this.stop();
    this.player.at = Math.max(0, Math.min(this.wave?.seconds ?? 0, this.player.at + by));
  }
  segment(): void {
    if (this.playing) this.stop();
    else if (this.place.selected()) this.play(this.start, this.end);
  }
  on(): void {
    if (this.playing) return this.stop();
    if (this.wave) this.play(this.player.at, this.wave.seconds);
    this.goesOn = true;
  }
  loop(part: LoopPart): void {
    if (this.player.looping && this.looped === part) return this.stop();
    this.looped = part;
    if (this.place.selected()) this.again();
  }
  /** Goes over from the original to the clip and back: while one is heard the other goes on at the same word. */
  async compare(clip: string, whole: boolean): Promise<void> {
    const { wave, player, start, end } = this;
    if (player.heard) return player.hear(player.heard === 'clip' ? 'original' : 'clip');
    if (!wave) return;
    sound.stop();
    const asked = ++this.asked;
    try {
      const opened = await openWave(at('voices', this.voice, 'clips', clip));
      if (asked !== this.asked) return;
      this.goesOn = false;
      await player.compare(wave, start, end, opened, whole, 'clip');
    } catch (error) {
      if (asked === this.asked) this.place.unheard(clip, problemOf(error));
    }
  }
}
