// Long curves hold more points than a screen has columns. Keeping the lowest and highest of each column draws
// the same picture, spikes included.

export interface Points {
  x: Float64Array;
  y: Float64Array;
}

/** x ascending. At most about four points a column; gaps (NaN) are kept as one point each. */
export function downsample(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  low: number,
  high: number,
  columns: number,
): Points {
  const begin = Math.max(0, lowerBound(x, low) - 1);
  const end = Math.min(x.length, lowerBound(x, high) + 2);
  if (end - begin <= columns * 4 || columns < 1) return cut(x, y, begin, end);
  const outX: number[] = [];
  const outY: number[] = [];
  const put = (i: number) => {
    if (i < 0) return;
    outX.push(x[i]!);
    outY.push(y[i]!);
  };
  const width = (x[end - 1]! - x[begin]!) / columns;
  let i = begin;
  for (let column = 0; column < columns && i < end; column++) {
    const edge = column === columns - 1 ? Infinity : x[begin]! + (column + 1) * width;
    const chosen = { first: -1, least: -1, most: -1, last: -1, gap: -1 };
    for (; i < end && x[i]! < edge; i++) {
      const value = y[i]!;
      if (!Number.isFinite(value)) {
        chosen.gap = i;
        continue;
      }
      if (chosen.first < 0) chosen.first = chosen.least = chosen.most = i;
      if (value < y[chosen.least]!) chosen.least = i;
      if (value > y[chosen.most]!) chosen.most = i;
      chosen.last = i;
    }
    const kept = [chosen.first, chosen.least, chosen.most, chosen.last, chosen.gap].filter((at) => at >= 0);
    [...new Set(kept)].sort((a, b) => a - b).forEach(put);
  }
  return { x: Float64Array.from(outX), y: Float64Array.from(outY) };
}

/** The first index whose value is not below `wanted`. */
export function lowerBound(sorted: ArrayLike<number>, wanted: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function cut(x: ArrayLike<number>, y: ArrayLike<number>, begin: number, end: number): Points {
  const size = Math.max(0, end - begin);
  return {
    x: Float64Array.from({ length: size }, (_, i) => x[begin + i]!),
    y: Float64Array.from({ length: size }, (_, i) => y[begin + i]!),
  };
}
