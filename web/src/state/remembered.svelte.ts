// How somebody likes to look at things, kept by his browser. Never what things are: that is the server's.
export class Remembered<T> {
  private held: T;
  private readonly key: string;

  /** `fits`: whether what is kept can be meant; an older page may have kept another form. */
  constructor(name: string, initial: T, fits: (value: unknown) => boolean) {
    this.key = `testudo.${name}`;
    this.held = $state.raw(initial);
    try {
      const kept: unknown = JSON.parse(localStorage.getItem(this.key) ?? 'null');
      if (kept !== null && fits(kept)) this.held = kept as T;
    } catch {
      // nothing that can be read: as at first
    }
  }

  get value(): T {
    return this.held;
  }
  set value(next: T) {
    this.held = next;
    try {
      localStorage.setItem(this.key, JSON.stringify(next));
    } catch {
      // a browser that keeps nothing
    }
  }
}
