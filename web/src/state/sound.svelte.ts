// One sound at a time, whoever asked for it.
import { SvelteMap } from 'svelte/reactivity';
import { problemOf, request } from '../lib/api';
import { t } from '../text';

class Sound {
  playing = $state('');
  at = $state(0);
  readonly silent = new SvelteMap<string, string>(); // why a source could not be played
  private element: HTMLAudioElement | null = null;

  toggle(source: string): void {
    if (this.playing === source) this.stop();
    else this.play(source);
  }

  /** `then`: what is to follow, in order. */
  play(source: string, then: string[] = []): void {
    this.stop();
    const element = (this.element = new Audio(source));
    this.playing = source;
    element.ontimeupdate = () => (this.at = element.currentTime / (element.duration || 1));
    element.onplaying = () => void this.silent.delete(source);
    element.onended = element.onerror = (event) => {
      if (this.element !== element) return;
      if (typeof event !== 'string' && event.type === 'error') void this.explain(source);
      if (then.length) this.play(then[0]!, then.slice(1));
      else this.stop();
    };
    element.play().catch(() => this.element === element && this.stop());
  }

  /** An element does not tell why: the server does, or it is the browser that cannot. */
  private async explain(source: string): Promise<void> {
    let why = t.sound.unplayable;
    try {
      await request(source, { headers: { Range: 'bytes=0-0' } });
    } catch (error) {
      const { what, hint } = problemOf(error);
      why = [what, hint].filter(Boolean).join(' ');
    }
    this.silent.set(source, why);
  }

  stop(): void {
    if (this.element) {
      this.element.onended = this.element.onerror = this.element.onplaying = null;
      this.element.pause();
      this.element.removeAttribute('src');
      this.element = null;
    }
    this.playing = '';
    this.at = 0;
  }
}

export const sound = new Sound();
