// How fast something goes, of the last seconds.
export class Speed {
  private marks: { time: number; amount: number }[] = [];
  constructor(private readonly span = 8) {}

  /** `amount` there is at `time` (s); less than before begins anew. */
  at(time: number, amount: number): void {
    const last = this.marks.at(-1);
    if (last && amount < last.amount) this.marks = [];
    this.marks.push({ time, amount });
    while (this.marks.length > 2 && time - this.marks[1]!.time >= this.span) this.marks.shift();
  }
  /** A second; 0 while it is not known. */
  get rate(): number {
    const first = this.marks[0];
    const last = this.marks.at(-1);
    const seconds = first && last ? last.time - first.time : 0;
    return seconds >= 0.5 ? (last!.amount - first!.amount) / seconds : 0;
  }
}
