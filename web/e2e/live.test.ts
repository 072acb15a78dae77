// While it trains: the real program, behind a wire that breaks. Every page shows what the server has, within a second, and
// no event is lost or doubled.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { violations } from './axe';
import { launch, open, watch } from './browser';
import { Front } from './front';
import { discard, present, Program, trainedWorkspace } from './program';

const patient = { timeout: 120_000 };
const wait = { timeout: 60_000 };

describe.skipIf(!present)('while it trains', () => {
  let browser: Browser;
  let folder: string;
  let program: Program;
  let front: Front;
  let url: string;
  let page: Page;
  let problems: string[];
  let close: () => Promise<void>;
  const tabs: Page[] = [];

  beforeAll(async () => {
    process.env.OMP_NUM_THREADS = '1'; // one core trains, the others show it
    folder = trainedWorkspace();
    program = await Program.start(folder, '--port', '0');
    front = new Front(program.address);
    url = await front.start();
    browser = await launch();
    ({ page, problems, close } = await open(browser, `${url}/#/train/bob`));
    tabs.push(page);
  }, 180_000);
  afterAll(async () => {
    await close?.();
    await browser?.close();
    await front?.stop();
    await program?.kill('SIGTERM');
    delete process.env.OMP_NUM_THREADS;
    if (folder) discard(folder);
  });

  interface ShownJob {
    id: string;
    state: string;
    voice: string;
    progress?: { done: number };
  }
  const jobs = async () =>
    ((await (await fetch(`${program.address}/api/jobs`)).json()) as { jobs: ShownJob[] }).jobs;
  const iteration = async () =>
    (await jobs()).find((job) => job.voice === 'bob' && job.state === 'running')?.progress?.done ?? 0;
  const shown = (each: Page) =>
    each.evaluate(() => {
      const row = [...document.querySelectorAll('dl div')].find(
        (one) => one.querySelector('dt')?.textContent === 'Iteration',
      );
      return Number((row?.querySelector('dd')?.textContent ?? '0').split(' / ')[0]!.replaceAll(',', ''));
    });
  /** What the server had now is on every page within a second. */
  async function followed(): Promise<void> {
    const now = await iteration();
    expect(now).toBeGreaterThan(0);
    await new Promise((done) => setTimeout(done, 1000));
    for (const [i, each] of tabs.entries()) expect(await shown(each), `tab ${i}`).toBeGreaterThanOrEqual(now);
  }
  /** The console tells each iteration from the first on, once. */
  async function whole(each: Page): Promise<void> {
    await expect
      .poll(
        async () => {
          const told = (await each.locator('.console').innerText()).matchAll(/ metric it=(\d+)/g);
          const its = [...told].map((one) => Number(one[1]));
          return its.length > 5 && its.every((it, i) => it === i + 1);
        },
        { timeout: 5000 },
      )
      .toBe(true);
  }

  test('ten tabs show the same within a second', patient, async () => {
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await expect.poll(iteration, wait).toBeGreaterThan(3);
    for (let i = 1; i < 10; i++) {
      const tab = await page.context().newPage();
      watch(tab, problems);
      await tab.goto(`${url}/#/train/bob`);
      tabs.push(tab);
    }
    for (const each of tabs) await each.getByText('Next checkpoint').waitFor(wait);
    await followed();
    for (const each of [page, tabs[9]!]) await each.getByLabel('Verbose').check();
    await whole(page);
    await whole(tabs[9]!);
    expect(await violations(page)).toEqual([]);
  });

  test('a page that is loaded again shows what it showed', patient, async () => {
    await page.getByLabel('Along').selectOption('epoch');
    await page.reload();
    await page.getByText('Next checkpoint').waitFor(wait);
    await followed();
    expect(await page.getByLabel('Along').inputValue()).toBe('epoch');
    await page.getByLabel('Along').selectOption('it');
    await page.getByLabel('Verbose').check();
    await whole(page);
  });

  test('a network that went away and came back: nothing is lost or doubled', patient, async () => {
    front.cut();
    const before = await iteration();
    await expect.poll(iteration, wait).toBeGreaterThan(before + 10);
    expect(await shown(page)).toBeLessThan(before + 8);
    front.mend();
    await page.evaluate(() => dispatchEvent(new Event('online')));
    await followed();
    await whole(page);
    await whole(tabs[9]!);
  });

  test('a connection that died unseen: the button helps', patient, async () => {
    front.cut();
    front.mend();
    const before = await iteration();
    await expect.poll(iteration, wait).toBeGreaterThan(before + 4);
    await page.getByRole('button', { name: 'Reconnect' }).first().click();
    await followed();
    await whole(page);
    await page.getByText('Connected').filter({ visible: true }).waitFor();
  });

  test('a server that is killed and started again', patient, async () => {
    const { port } = program;
    await program.kill();
    for (const each of tabs) await each.getByText('No connection').filter({ visible: true }).waitFor(wait);
    program = await Program.start(folder, '--port', port);
    await new Promise((done) => setTimeout(done, 1000));
    for (const each of tabs)
      await each.getByText('Connected').filter({ visible: true }).waitFor({ timeout: 500 });
    await followed();
    await whole(page);
    await whole(tabs[9]!);
    expect(problems).toEqual([]);
    while (tabs.length > 2) await tabs.pop()!.close();
  });

  test('what a terminal changes is shown, too', patient, async () => {
    await page.goto(`${url}/#/configure/ada`);
    await page.getByLabel('Epochs', { exact: true }).waitFor();
    const settings = (await (await fetch(`${program.address}/api/voices/ada/configuration`)).json()) as {
      settings: Record<string, unknown>;
    };
    await fetch(`${program.address}/api/voices/ada/configuration`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ settings: { ...settings.settings, epochs: 7 } }),
    });
    await expect
      .poll(() => page.getByLabel('Epochs', { exact: true }).inputValue(), { timeout: 3000 })
      .toBe('7');
  });

  test('the queue: others wait in an order, pause, leave, and come to their turn', patient, async () => {
    await page.goto(`${url}/#/train/ada`);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'Take resume ada off the queue' }).waitFor(wait);
    expect(await page.getByRole('button', { name: 'Start anew' }).isDisabled()).toBe(true); // one at a time
    await page.getByRole('button', { name: 'Pause', exact: true }).click();
    await tabs[1]!.getByText('Nothing new starts until you go on.').waitFor({ timeout: 2000 });
    await page.goto(`${url}/#/train/bob`);
    await page.locator('main header').getByRole('button', { name: 'Stop', exact: true }).click();
    await expect
      .poll(async () => (await jobs()).filter((job) => job.state === 'running').length, wait)
      .toBe(0);
    expect((await jobs()).find((job) => job.voice === 'ada')!.state).toBe('waiting');
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await page.getByRole('button', { name: 'resume bob: earlier' }).click();
    await expect
      .poll(async () => (await page.locator('.waiting').allInnerTexts()).join(' '))
      .toMatch(/resume bob[^]*resume ada/);
    await page.getByRole('button', { name: 'Take resume bob off the queue' }).click();
    await expect.poll(() => page.locator('.waiting').count()).toBe(1);
    await page.getByRole('button', { name: 'Go on', exact: true }).click();
    await expect
      .poll(async () => (await jobs()).find((job) => job.voice === 'ada')!.state, wait)
      .toBe('done');
    await page.goto(`${url}/#/train/ada`);
    const rows = page.locator('dl div');
    await rows.filter({ hasText: 'Epoch' }).getByText('7', { exact: true }).waitFor(wait);
  });

  test('stopping: after its step with a checkpoint, or at once', patient, async () => {
    await page.goto(`${url}/#/train/bob`);
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await expect.poll(iteration, wait).toBeGreaterThan(0);
    await page.locator('main header').getByRole('button', { name: 'Stop', exact: true }).click();
    await page
      .locator('section', { hasText: 'Progress' })
      .getByText('stopped', { exact: true })
      .first()
      .waitFor(wait);
    await page
      .getByRole('button', { name: /^Use the model of iteration/ })
      .first()
      .waitFor(wait);

    await page.getByRole('button', { name: 'Start anew', exact: true }).click();
    await expect.poll(iteration, wait).toBeGreaterThan(0);
    const stop = page.locator('main header').getByRole('button', { name: 'Stop', exact: true });
    // The second press comes before the first one's step is over.
    await stop.click();
    await page
      .locator('main header')
      .getByRole('button', { name: 'Stop at once' })
      .click({ timeout: 2000 })
      .catch(() => {});
    await page
      .locator('section', { hasText: 'Progress' })
      .getByText('stopped', { exact: true })
      .first()
      .waitFor(wait);
    await page.getByText('Ended').click();
    await page.getByRole('button', { name: 'Console of train bob' }).first().click();
    await page.getByRole('button', { name: 'Clear the list' }).click();
    await expect.poll(async () => (await jobs()).length, wait).toBe(0);
    expect(problems).toEqual([]);
  });
});
