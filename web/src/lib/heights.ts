// Rows of unlike heights in a list of which only the visible part exists: estimates until a row was measured.

export class Heights {
  private sizes: Float64Array;
  private ends: Float64Array;
  private valid = 0; // ends[0 .. valid) are up to date

  constructor(
    count: number,
    private readonly estimate: number,
  ) {
    this.sizes = new Float64Array(count).fill(estimate);
    this.ends = new Float64Array(count);
  }

  get count(): number {
    return this.sizes.length;
  }

  /** A list of another length or order: everything is an estimate again. */
  reset(count: number): void {
    this.sizes = new Float64Array(count).fill(this.estimate);
    this.ends = new Float64Array(count);
    this.valid = 0;
  }

  /** Returns by how much the row grew. */
  measured(index: number, size: number): number {
    const grown = size - this.sizes[index]!;
    if (grown !== 0) {
      this.sizes[index] = size;
      this.valid = Math.min(this.valid, index);
    }
    return grown;
  }

  top(index: number): number {
    return index === 0 ? 0 : this.end(index - 1);
  }

  end(index: number): number {
    for (; this.valid <= index; this.valid++)
      this.ends[this.valid] = (this.valid === 0 ? 0 : this.ends[this.valid - 1]!) + this.sizes[this.valid]!;
    return this.ends[index]!;
  }

  total(): number {
    return this.count === 0 ? 0 : this.end(this.count - 1);
  }

  /** The row at a height above; the last one beyond the end. */
  at(y: number): number {
    this.total();
    let low = 0;
    let high = Math.max(0, this.count - 1);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.ends[middle]! > y) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Rows to draw, `spare` more pixels on both sides. */
  range(top: number, height: number, spare: number): { first: number; last: number } {
    if (this.count === 0) return { first: 0, last: -1 };
    return { first: this.at(Math.max(0, top - spare)), last: this.at(top + height + spare) };
  }
}
