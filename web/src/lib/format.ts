// Numbers, times and sizes as people read them. Tabular digits are the style sheet's business.

/** 3723.4 -> "1 h 02 min", 95 -> "1 min 35 s", 4.25 -> "4.3 s" */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0) return `−${duration(-seconds)}`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  if (seconds < 59.5) return `${Math.round(seconds)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 48 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(seconds / 3600);
  return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** In words for what is far: 266 -> "4 min", 13 -> "13 s", 4000 -> "1 h 07 min" */
export function about(seconds: number): string {
  return seconds >= 59.5 && seconds < 3570 ? `${Math.round(seconds / 60)} min` : duration(seconds);
}

/** 3723.456 -> "1:02:03.46": a place in a recording. */
export function clock(seconds: number, digits = 2): string {
  if (!Number.isFinite(seconds)) return '–';
  if (seconds < 0) return `−${clock(-seconds, digits)}`;
  const scale = 10 ** digits;
  const whole = Math.round(seconds * scale);
  const rest = (whole % (60 * scale)) / scale;
  const minutes = Math.floor(whole / (60 * scale));
  const tail = rest.toFixed(digits).padStart(digits > 0 ? digits + 3 : 2, '0');
  return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${tail}`;
}

/** The reverse of clock(): "1:02.5" -> 62.5, "7.25" -> 7.25; null for what is no time. */
export function parseClock(text: string): number | null {
  const parts = text.trim().replace(',', '.').split(':');
  if (parts.length > 3 || parts.some((part) => !/^\d+(\.\d*)?$/.test(part))) return null;
  return parts.reduce((sum, part) => sum * 60 + Number(part), 0);
}

const units = ['B', 'KB', 'MB', 'GB', 'TB'];

/** Powers of 1000, three significant digits: 1536000 -> "1.54 MB" */
export function bytes(size: number): string {
  if (!Number.isFinite(size)) return '–';
  let unit = 0;
  while (size >= 999.5 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${unit === 0 ? Math.round(size) : Number(size.toPrecision(3))} ${units[unit]}`;
}

/** A measured number in few digits: 0.000012 -> "1.2e-5", 3.14159 -> "3.142", 12345 -> "12,345" */
export function measure(value: number | null | undefined, digits = 4): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e7)
    return value
      .toExponential(Math.max(0, digits - 2))
      .replace(/\.?0+e/, 'e')
      .replace('e+', 'e');
  if (size >= 1000) return count(Math.round(value));
  return String(Number(value.toPrecision(digits)));
}

/** 12345 -> "12,345" */
export function count(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en-US') : '–';
}

export function percent(share: number, digits = 0): string {
  return Number.isFinite(share) ? `${(share * 100).toFixed(digits)} %` : '–';
}

/** Seconds since 1970 -> "14:03:22", with the day where it is not today's. */
export function moment(seconds: number, now = Date.now()): string {
  const date = new Date(seconds * 1000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return date.toDateString() === new Date(now).toDateString() ? time : `${day(date)} ${time}`;
}

const languages = new Intl.DisplayNames(['en'], { type: 'language', fallback: 'none' });
/** "de": German; nothing for what is no code. */
export function languageName(code: string): string {
  try {
    return code ? (languages.of(code) ?? '') : '';
  } catch {
    return '';
  }
}

/** As moment(), without seconds: for what is only guessed. */
export function timeOfDay(seconds: number, now = Date.now()): string {
  return moment(seconds, now).slice(0, -3);
}

function day(date: Date): string {
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}
