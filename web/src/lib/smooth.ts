// Exponential smoothing as TensorBoard does it: a moving average freed of the bias towards its start, so the
// first points are not pulled to zero. weight 0: the values themselves; gaps (NaN) stay gaps.

export function smooth(values: ArrayLike<number>, weight: number): Float64Array {
  const out = new Float64Array(values.length);
  let last = 0;
  let share = 1; // weight^n: what the zero at the start still counts
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) {
      out[i] = NaN;
      continue;
    }
    last = last * weight + (1 - weight) * value;
    share *= weight;
    out[i] = last / (1 - share);
  }
  return out;
}
