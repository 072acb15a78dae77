// The page with a stand-in server: what it looks like to assistive technology, how large and fast it is, and
// what it does when the connection breaks.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { violations } from './axe';
import { launch, open, watch } from './browser';
import { Mock } from './mock';

const dist = join(import.meta.dirname, '../dist');
let browser: Browser;
let mock: Mock;
let url: string;

beforeAll(async () => {
  browser = await launch();
});
beforeEach(async () => {
  await mock?.stop();
  mock = new Mock(dist);
  url = await mock.start();
});
afterAll(async () => {
  await browser?.close();
  await mock?.stop();
});

const training = {
  id: 'j1',
  action: 'train',
  title: 'train ada',
  voice: 'ada',
  run: 'ada/finetune',
  state: 'running' as const,
  created: 1,
  started: 1,
  progress: {
    stage: 'train',
    done: 100,
    total: 200,
    unit: 'iterations',
    epoch: 2,
    epochs: 4,
    batch: 1,
    batches: 50,
    rate: 2,
    lr: 1e-5,
    eta_seconds: 50,
    losses: { text: 2, mel: 2, total: 2 },
  },
};

describe('the page', () => {
  const files = (folder: string): string[] =>
    readdirSync(folder).flatMap((name) =>
      statSync(join(folder, name)).isDirectory() ? files(join(folder, name)) : [join(folder, name)],
    );
  test('is at most 300 KB compressed, all of it', () => {
    const size = files(dist).reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
    expect(size).toBeLessThan(300_000);
  });
  test('paints within 200 ms', async () => {
    for (const place of ['prepare/ada', 'train/ada', 'curate/ada']) {
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        const { page, close } = await open(browser, `${url}/#/${place}`);
        await page.waitForSelector('h1');
        times.push(
          await page.evaluate(
            () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 1e9,
          ),
        );
        await close();
      }
      expect(Math.min(...times), place).toBeLessThan(200); // what the machine does beside it is not the page's
    }
  });

  const pages = [
    'prepare/ada',
    'prepare/brand%20new',
    'curate/ada',
    'curate/brand%20new',
    'configure/ada',
    'train/ada',
    'train/brand%20new',
    'models',
    'tokenizer',
    'settings',
  ];
  for (const colorScheme of ['light', 'dark'] as const)
    test(`has no fault that axe finds, ${colorScheme}`, { timeout: 180_000 }, async () => {
      mock.jobs = [
        training,
        {
          id: 'j2',
          action: 'prepare',
          title: 'prepare brand new',
          voice: 'brand new',
          state: 'waiting',
          created: 2,
        },
      ];
      mock.queue.waiting = ['j2'];
      const { page, problems, close } = await open(browser, url, { colorScheme });
      for (const each of pages) {
        await page.goto(`${url}/#/${each}`);
        await page.waitForSelector('h1, .empty');
        await page.waitForTimeout(500);
        expect(await violations(page), each).toEqual([]);
      }
      expect(problems).toEqual([]);
      await close();
    });
  test('has none in its dialogs and on a phone', { timeout: 120_000 }, async () => {
    const { page, problems, close } = await open(browser, `${url}/#/curate/ada`, {
      viewport: { width: 390, height: 844 },
    });
    await page.waitForSelector('.segment');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('?');
    await page.waitForSelector('dialog[open]');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    for (const [place, button] of [
      ['train/ada', 'Use this model'],
      ['models', 'Merge two models'],
      ['models', 'Convert'],
    ] as const) {
      await page.goto(`${url}/#/${place}`);
      await page
        .getByRole('button', { name: button })
        .or(page.getByRole('button', { name: new RegExp(`^${button} |^Use the model`) }))
        .first()
        .click();
      await page.waitForSelector('dialog[open]');
      expect(await violations(page), button).toEqual([]);
      await page.keyboard.press('Escape');
    }
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    expect(problems).toEqual([]);
    await close();
  });
  test('never is wider than the screen', async () => {
    for (const width of [360, 768, 1024]) {
      const { page, close } = await open(browser, url, { viewport: { width, height: 800 } });
      for (const each of pages) {
        await page.goto(`${url}/#/${each}`);
        await page.waitForSelector('h1, .empty');
        await page.waitForTimeout(200);
        expect(
          await page.evaluate(() => document.documentElement.scrollWidth),
          `${each} at ${width}`,
        ).toBeLessThanOrEqual(width);
      }
      await close();
    }
  });
  test('takes all the room of a large screen', async () => {
    const { page, close } = await open(browser, url, { viewport: { width: 2560, height: 1300 } });
    for (const each of pages) {
      await page.goto(`${url}/#/${each}`);
      await page.waitForSelector('h1, .empty');
      const box = (await page.locator('main').boundingBox())!;
      expect(box.x + box.width, each).toBeGreaterThan(2500);
    }
    await close();
  });
  test('can be used by keyboard alone', async () => {
    const { page, close } = await open(browser, `${url}/#/prepare/ada`);
    await page.waitForSelector('h1');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    const reached = new Set<string>();
    for (let i = 0; i < 120; i++) {
      await page.keyboard.press('Tab');
      reached.add(
        await page.evaluate(
          () =>
            document.activeElement?.getAttribute('aria-label') ??
            document.activeElement?.textContent?.trim() ??
            '',
        ),
      );
      const visible = await page.evaluate(() => {
        const box = document.activeElement?.getBoundingClientRect();
        return !!box && box.width > 0;
      });
      expect(visible).toBe(true);
    }
    for (const name of ['Add files', 'Record', 'Prepare', 'Create lists'])
      expect([...reached], name).toContain(name);
    await close();
  });
  test('keeps the chosen theme from the first paint on', async () => {
    const { page, close } = await open(browser, url, { colorScheme: 'light' });
    await page.getByRole('button', { name: 'Theme: as the system' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    await page.reload();
    await page.waitForSelector('h1');
    expect(await page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
      'rgb(20, 22, 21)',
    );
    await close();
  });
});

describe('the connection', () => {
  test('is one stream for all tabs, and all show the same', async () => {
    const { page, problems, close } = await open(browser, `${url}/#/train/ada`);
    const others = [];
    for (let i = 0; i < 9; i++) {
      const other = await page.context().newPage();
      watch(other, problems);
      await other.goto(`${url}/#/train/ada`);
      others.push(other);
    }
    await others[8]!.waitForSelector('h1');
    expect(mock.open).toBe(1);
    mock.jobs = [structuredClone(training)];
    mock.jobsChanged();
    mock.event('j1', { type: 'progress', ...training.progress, done: 150 });
    const begun = Date.now();
    for (const each of [page, ...others])
      await each.getByText('150 / 200', { exact: true }).waitFor({ timeout: 2000 });
    expect(Date.now() - begun).toBeLessThan(1000);
    expect(problems).toEqual([]);
    await close();
  });
  test('comes back by itself when it broke, and loses and doubles no line', async () => {
    mock.jobs = [structuredClone(training)];
    mock.event('j1', { type: 'log', level: 'info', message: 'line 1' });
    const { page, close } = await open(browser, `${url}/#/train/ada`);
    await page.getByText('line 1').waitFor();
    mock.event('j1', { type: 'log', level: 'info', message: 'line 2' });
    await page.getByText('line 2').waitFor();
    mock.drop();
    await expect.poll(() => mock.open, { timeout: 3000 }).toBe(1);
    mock.event('j1', { type: 'log', level: 'info', message: 'line 3' });
    await page.getByText('line 3').waitFor();
    expect(await page.locator('.console p').count()).toBe(3);
    await close();
  });
  test('survives a new server: everything is asked for again within a second', async () => {
    const { page, close } = await open(browser, `${url}/#/prepare/ada`);
    await page.waitForSelector('h1');
    const port = Number(new URL(url).port);
    await mock.stop();
    await page.getByText('No connection').filter({ visible: true }).waitFor({ timeout: 5000 });
    mock = new Mock(dist);
    mock.server = 'mock-2';
    mock.voices[0] = { ...mock.voices[0]!, train_lines: 777 };
    await mock.start(port);
    const begun = Date.now();
    await page.getByText('777 lines').waitFor({ timeout: 5000 });
    expect(Date.now() - begun).toBeLessThan(1500); // a try each 0.7 s
    await page.getByText('Connected').filter({ visible: true }).waitFor();
    await close();
  });
  test('has a button that works', async () => {
    const { page, close } = await open(browser, `${url}/#/prepare/ada`);
    await page.waitForSelector('h1');
    mock.voices[0] = { ...mock.voices[0]!, train_lines: 555 }; // unseen: nothing told of it
    await page.getByRole('button', { name: 'Reconnect' }).first().click();
    await page.getByText('555 lines').waitFor();
    await expect.poll(() => mock.open).toBe(1);
    await close();
  });
  test('starts with a server that is not there yet', async () => {
    const { page, close } = await open(browser, `${url}/#/prepare/ada`);
    await page.route('**/api/state', (route) => route.abort());
    await page.reload();
    await page.getByText('The server does not answer.').waitFor();
    await page.unroute('**/api/state');
    await page.getByRole('heading', { name: 'Prepare' }).waitFor();
    await close();
  });
});
