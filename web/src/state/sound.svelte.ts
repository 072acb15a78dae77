// One sound at a time, whoever asked for it.
class Sound {
  playing = $state('');
  at = $state(0);
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
    element.onended = element.onerror = () => {
      if (this.element !== element) return;
      if (then.length) this.play(then[0]!, then.slice(1));
      else this.stop();
    };
    element.play().catch(() => this.element === element && this.stop());
  }

  stop(): void {
    if (this.element) {
      this.element.onended = this.element.onerror = null;
      this.element.pause();
      this.element.removeAttribute('src');
      this.element = null;
    }
    this.playing = '';
    this.at = 0;
  }
}

export const sound = new Sound();
