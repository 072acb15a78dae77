// Debian's Chromium, driven by playwright-core.
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

const candidates = process.env.CHROME ?? '/usr/bin/chromium';

export function launch(...more: string[]): Promise<Browser> {
  return chromium.launch({
    executablePath: candidates,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--autoplay-policy=no-user-gesture-required',
      '--use-fake-ui-for-media-stream',
      '--use-fake-device-for-media-stream',
      ...more,
    ],
  });
}

export interface Opened {
  page: Page;
  problems: string[]; // what the console and uncaught errors said
  close(): Promise<void>;
}

export async function open(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<Opened> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const problems: string[] = [];
  watch(page, problems);
  await page.goto(url);
  return { page, problems, close: () => context.close() };
}

export function watch(page: Page, problems: string[]): void {
  page.on('pageerror', (error) => problems.push(error.message));
  page.on('console', (message) => {
    // Answers that a test provokes are no faults of the page; a policy that was broken is.
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text()))
      problems.push(message.text());
  });
}
