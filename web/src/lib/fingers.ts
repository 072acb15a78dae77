// Fingers on a picture with one long axis: what lies under each stays there while they move. One moves the picture
// along, two stretch it.

type ValueAt = (x: number) => number;
const nearest = 12; // px between two fingers that count as apart

export class Fingers {
  private held = new Map<number, { x: number; value: number }>();

  get count(): number {
    return this.held.size;
  }
  has = (id: number): boolean => this.held.has(id);

  down(id: number, x: number, valueAt: ValueAt): void {
    this.held.set(id, { x, value: valueAt(x) });
    this.hold(valueAt);
  }
  move(id: number, x: number): void {
    const finger = this.held.get(id);
    if (finger) finger.x = x;
  }
  up(id: number, valueAt: ValueAt): void {
    this.held.delete(id);
    this.hold(valueAt);
  }

  /** What the picture, from px `left` on and `width` px wide, is to show; one finger keeps its size. */
  view(left: number, width: number, size: number): { low: number; high: number } | null {
    const [first, second] = [...this.held.values()];
    if (!first) return null;
    let wanted = size;
    if (second) {
      const apart = second.x - first.x;
      if (Math.abs(apart) < nearest) return null;
      wanted = ((second.value - first.value) / apart) * width;
      if (!(wanted > 0)) return null; // they crossed
    }
    const low = first.value - ((first.x - left) / width) * wanted;
    return { low, high: low + wanted };
  }

  // From now on they hold what is under them now.
  private hold(valueAt: ValueAt): void {
    for (const finger of this.held.values()) finger.value = valueAt(finger.x);
  }
}
