// The token: asked for, in the look of the studio, without losing the place; and given back.
import { mkdirSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { violations } from './axe';
import { open } from './browser';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(async () => {
  ({ mock, url, page, problems } = stage);
  await page.waitForSelector('h1');
  mock.token = 'sesame';
});
const token = () => page.getByLabel('Token', { exact: true });
const logIn = async (given = 'sesame') => {
  await token().fill(given);
  await page.keyboard.press('Enter');
};

test('an address leads where it says, after the login too, and after a wrong token', async () => {
  await page.goto('about:blank');
  await page.goto(`${url}/#/train/ada`);
  await page.waitForURL('**/login**');
  await logIn('barley');
  await page.getByRole('alert').getByText('This is not the token.').waitFor();
  await logIn();
  await page.getByRole('heading', { name: t.pages.train, level: 1 }).waitFor();
  expect(page.url()).toContain('#/train/ada');
  // Once only: the studio's own address is the studio's own.
  await page.goto('about:blank');
  await page.goto(`${url}/`);
  await page.getByRole('heading', { name: t.pages.prepare, level: 1 }).waitFor();
  expect(problems).toEqual([]);
});

test('who loses his login while the page is open comes back to where he was', async () => {
  await page.goto(`${url}/#/tokenizer`);
  await page.waitForURL('**/login'); // what it asks for is refused
  await logIn();
  await page.getByRole('heading', { name: t.pages.tokenizer, level: 1 }).waitFor();
  expect(page.url()).toContain('#/tokenizer');
});

test('Settings logs out, where there is a token', async () => {
  const leave = page.getByRole('button', { name: t.settings.logOut });
  mock.token = '';
  await page.goto(`${url}/#/settings`);
  await page.getByRole('heading', { name: t.pages.settings, level: 1 }).waitFor();
  expect(await leave.count()).toBe(0);
  mock.token = 'sesame';
  await page.reload();
  await logIn();
  await leave.click();
  await page.waitForURL('**/login');
  await token().waitFor();
  await page.goto(`${url}/#/settings`);
  await page.waitForURL('**/login**');
  await token().waitFor();
});

test('the login page has the look of the studio, light and dark, wide and narrow', async () => {
  if (process.env.LOOK) mkdirSync(`${import.meta.dirname}/shots`, { recursive: true });
  for (const width of [360, 1280])
    for (const colorScheme of ['light', 'dark'] as const) {
      const opened = await open(stage.browser, `${url}/`, { viewport: { width, height: 780 }, colorScheme });
      const field = opened.page.getByLabel('Token', { exact: true });
      await field.waitFor();
      expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
      await field.fill('barley');
      await opened.page.getByRole('button').click();
      await opened.page.getByRole('alert').waitFor();
      expect(await violations(opened.page)).toEqual([]);
      expect(await opened.page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
        width,
      );
      expect(await opened.page.evaluate(() => getComputedStyle(document.body).backgroundColor)).toBe(
        colorScheme === 'light' ? 'rgb(247, 247, 245)' : 'rgb(20, 22, 21)',
      );
      if (process.env.LOOK)
        await opened.page.screenshot({
          path: `${import.meta.dirname}/shots/login-${width}-${colorScheme}.png`,
        });
      expect(opened.problems).toEqual([]);
      await opened.close();
    }
});
