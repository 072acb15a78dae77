import { expect, test } from 'vitest';
import { Fingers } from '../src/lib/fingers';

// A picture 100 px wide from px 10 on that shows 0 to 50.
const valueAt = (x: number) => ((x - 10) / 100) * 50;

test('one finger moves it along', () => {
  const fingers = new Fingers();
  expect(fingers.view(10, 100, 50)).toBeNull();
  fingers.down(1, 60, valueAt);
  fingers.move(1, 40);
  expect(fingers.view(10, 100, 50)).toEqual({ low: 10, high: 60 });
});

test('two stretch it, and what lay under each stays there', () => {
  const fingers = new Fingers();
  fingers.down(1, 30, valueAt); // 10
  fingers.down(2, 50, valueAt); // 20
  fingers.move(1, 20);
  fingers.move(2, 60);
  const { low, high } = fingers.view(10, 100, 50)!;
  const at = (x: number) => low + ((x - 10) / 100) * (high - low);
  expect([at(20), at(60)]).toEqual([10, 20]);
  expect(high - low).toBe(25);
  // The one that stays holds what is under it now.
  fingers.up(1, at);
  fingers.move(2, 70);
  expect(fingers.count).toBe(1);
  expect(fingers.view(10, 100, 25)!.low).toBeCloseTo(low - 2.5);
});

test('fingers that cross or meet change nothing', () => {
  const fingers = new Fingers();
  fingers.down(1, 30, valueAt);
  fingers.down(2, 60, valueAt);
  fingers.move(2, 35);
  expect(fingers.view(10, 100, 50)).toBeNull();
  fingers.move(2, 10);
  expect(fingers.view(10, 100, 50)).toBeNull();
});
