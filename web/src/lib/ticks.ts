// Where an axis has its marks, and what they say.

export interface Tick {
  at: number;
  label: string;
}

/** Round steps of 1, 2 or 5 times a power of ten, whichever is nearest, about `wanted` of them between low and high. */
export function linearTicks(low: number, high: number, wanted: number): Tick[] {
  if (!(high > low) || wanted < 1) return [];
  const step = niceStep((high - low) / wanted);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const tiny = Math.max(Math.abs(low), Math.abs(high)) < 0.01; // all of an axis in one form
  const out: Tick[] = [];
  for (let k = firstStep(low, step); k * step <= high + step * 1e-9; k++)
    out.push({ at: k * step, label: tiny ? power(k * step) : plain(k * step, digits) });
  return out;
}

function power(value: number): string {
  return Math.abs(value) < 1e-12
    ? '0'
    : value
        .toExponential(2)
        .replace(/\.?0+e/, 'e')
        .replace('e+', 'e');
}

export function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough));
  const share = rough / power;
  return power * (share < 1.5 ? 1 : share < 3.5 ? 2 : share < 7.5 ? 5 : 10);
}

/** Powers of ten; within one or two of them also 2 and 5 times. */
export function logTicks(low: number, high: number): Tick[] {
  if (!(low > 0) || !(high > low)) return [];
  const decades = Math.log10(high / low);
  const factors = decades > 3 ? [1] : decades > 1 ? [1, 2, 5] : [1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9];
  const out: Tick[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const factor of factors) {
      const at = factor * 10 ** power;
      if (at >= low * 0.9999999 && at <= high * 1.0000001)
        out.push({ at, label: plain(at, Math.max(0, -power + (factor === 1.5 ? 1 : 0))) });
    }
  return thin(out, 8);
}

const timeSteps = [
  0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800,
  3600, 7200, 14400, 21600, 43200, 86400,
];

/** Seconds since a start, as 0:30, 2:15:00 or, below a second a step, 12.35. */
export function timeTicks(low: number, high: number, wanted: number): Tick[] {
  if (!(high > low)) return [];
  const rough = (high - low) / Math.max(1, wanted);
  const step = timeSteps.find((each) => each >= rough) ?? niceStep(rough / 86400) * 86400;
  const digits = step >= 1 ? 0 : Math.max(1, Math.ceil(-Math.log10(step) - 1e-9));
  const out: Tick[] = [];
  for (let k = firstStep(low, step); k * step <= high + step * 1e-9; k++)
    out.push({ at: k * step, label: timeLabel(k * step, digits) });
  return out;
}

/** Plus 0: Math.ceil gives -0 for what lies just below. */
const firstStep = (low: number, step: number) => Math.ceil(low / step - 1e-9) + 0;

function timeLabel(seconds: number, digits: number): string {
  const sign = seconds < 0 ? '−' : '';
  const scale = 10 ** digits;
  const whole = Math.round(Math.abs(seconds) * scale);
  const rest = ((whole % (60 * scale)) / scale).toFixed(digits).padStart(digits ? digits + 3 : 2, '0');
  const minutes = Math.floor(whole / (60 * scale));
  if (minutes < 60) return `${sign}${minutes}:${rest}`;
  return `${sign}${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}

function plain(value: number, digits: number): string {
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e6) return power(value);
  return size >= 10000
    ? value.toLocaleString('en-US', { maximumFractionDigits: digits })
    : value.toFixed(digits);
}

function thin(ticks: Tick[], most: number): Tick[] {
  const stride = Math.ceil(ticks.length / most);
  return stride <= 1 ? ticks : ticks.filter((_, i) => i % stride === 0);
}
