// One question at a time: what comes up while one is on its way is asked once that is answered.
const patience = 10_000; // ms

export class Asking {
  private running = false;
  private again = false;
  private begun = 0;
  private abort = new AbortController();

  /** `ask` ends, also without an answer, when its signal is aborted. It does not throw. */
  constructor(private readonly ask: (signal: AbortSignal) => Promise<void>) {}

  /** `lost`: no answer to the last question is to be hoped for. */
  now(lost = false): void {
    if (!this.running) return void this.run();
    this.again = true;
    // On a connection that died in silence an answer never comes.
    if (lost || Date.now() - this.begun > patience) this.abort.abort();
  }

  private async run(): Promise<void> {
    this.running = true;
    do {
      this.again = false;
      this.begun = Date.now();
      this.abort = new AbortController();
      await this.ask(this.abort.signal);
    } while (this.again);
    this.running = false;
  }

  close(): void {
    this.again = false;
    this.abort.abort();
  }
}
