// Addresses of the page: #/page/voice/…, so that it works below any address and the back button works.
export const pages = ['prepare', 'curate', 'configure', 'train', 'models', 'tokenizer', 'settings'] as const;
export type Page = (typeof pages)[number];
export const voicePages: readonly Page[] = ['prepare', 'curate', 'configure', 'train'];

export interface Route {
  page: Page;
  voice: string;
  rest: string[];
}

export function parseRoute(hash: string): Route {
  const parts = hash.replace(/^#\/?/, '').split('/').filter(Boolean).map(decode);
  const page = pages.find((each) => each === parts[0]) ?? 'prepare';
  return voicePages.includes(page)
    ? { page, voice: parts[1] ?? '', rest: parts.slice(2) }
    : { page, voice: '', rest: parts.slice(1) };
}

export const link = (...parts: string[]) => `#/${parts.filter(Boolean).map(encodeURIComponent).join('/')}`;

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
