// Curation: everything by the mouse alone, and what only the keyboard had to be asked for.
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { violations } from './axe';
import { curating } from './curating';
import { setStage } from './stage';

const stage = setStage('#/curate/ada');
let { mock, page, problems } = stage;
const { ready, selected, text, find } = curating(stage);
beforeEach(async () => {
  ({ mock, page, problems } = stage);
  await ready();
});

const press = (name: string) => page.getByRole('button', { name, exact: true }).click();
const canvas = () => page.locator('canvas.main');
const view = async () => (await canvas().getAttribute('aria-label'))!;
const row = (words: string) => page.locator('.segment', { hasText: words }).first();

test('everything about a segment is done by the mouse alone', async () => {
  await press(t.commands.play);
  await press(t.curate.stop);
  await press(t.commands.playOn);
  await expect.poll(text, { timeout: 6000 }).toContain('The next day'); // what is heard is selected
  await press(t.curate.stop);
  for (const loop of [t.commands.loop, t.curate.loopStart, t.curate.loopEnd]) {
    await press(loop);
    const pressed = () => page.getByRole('button', { name: loop, exact: true }).getAttribute('aria-pressed');
    await expect.poll(pressed).toBe('true');
    await press(t.curate.stop);
    await expect.poll(pressed).toBe('false');
  }
  const before = await view();
  await press(t.commands.zoomIn);
  await expect.poll(view).not.toBe(before);
  await press(t.commands.zoomOut);
  await press(t.commands.fit);
  await expect.poll(view).toMatch(/from 0:02\.\d+ to 0:0[45]\.\d+/);
  const box = (await canvas().boundingBox())!;
  await canvas().click({ position: { x: box.width / 2, y: 60 } });
  await press(t.commands.split);
  await expect.poll(() => find(2000)?.start).toBeCloseTo(3.55, 1);
  await press(t.commands.merge);
  await expect.poll(() => find(2000)).toBeUndefined();
  await page.getByRole('button', { name: /^Undo: merge/ }).click();
  await page.getByRole('button', { name: /^Undo: split/ }).click();
  await expect.poll(() => mock.history.length).toBe(0);
  await page.getByRole('button', { name: /^Redo: split/ }).click();
  await expect.poll(() => find(2000)).toBeTruthy();
  await page.getByRole('button', { name: /^Undo: split/ }).click();
  await row('Nobody had').locator('.text').click();
  await press(t.commands.delete);
  await expect.poll(() => find(2)).toBeUndefined();
  await expect.poll(text).toContain('Prosecutors');
  await press('Skip S');
  await expect.poll(text).toBe('Yes.');
  await press('Accept A');
  await expect.poll(() => find(4).accepted).toBe(true);
  await press(t.commands.nextOpen);
  await expect.poll(() => selected().locator('.marks').innerText()).toMatch(/doubtful|rejected/);
  await press(t.commands.hear);
  await press(t.curate.take);
  await expect.poll(text).toContain('a very good idea');
  await press(t.curate.history);
  await page
    .getByRole('dialog')
    .getByRole('button', { name: `Go to: ${t.curate.historyBegin}` })
    .click();
  await expect.poll(() => mock.history.length).toBe(0);
  expect(problems).toEqual([]);
});

test('a text is played while it is typed, saved and left, by mouse and by keys', async () => {
  const field = page.getByLabel(t.curate.text);
  await page.getByLabel(t.curate.start, { exact: true }).dblclick(); // is typed in, and nothing else
  expect(await field.count()).toBe(0);
  await row('Nobody had').locator('.text').dblclick(); // the rows move at its first click
  expect(await field.inputValue()).toContain('Nobody had');
  await field.fill('By mouse.');
  const ways = selected().locator('.ways');
  await ways.getByRole('button', { name: t.commands.play }).click();
  await ways.getByRole('button', { name: t.curate.stop }).click();
  await page.keyboard.press('Control+Space');
  await ways.getByRole('button', { name: t.curate.stop }).waitFor();
  await page.keyboard.press('Control+Space');
  await ways.getByRole('button', { name: t.commands.play }).waitFor();
  expect(await field.inputValue()).toBe('By mouse.');
  expect(await violations(page)).toEqual([]);
  await press(t.curate.leaveText);
  await expect.poll(text).toContain('Nobody had');
  await press(t.curate.editText);
  await field.fill('By mouse.');
  await press(t.curate.saveText);
  await expect.poll(() => find(2).text).toBe(' By mouse.');
});

test('a button that was pressed with the mouse is left to the keys; with the keyboard it is not', async () => {
  await press(t.commands.zoomIn);
  await page.keyboard.press('Space');
  await page.getByRole('button', { name: t.curate.stop }).waitFor();
  await page.keyboard.press('Space');
  const zoom = page.getByRole('button', { name: t.commands.zoomIn });
  const before = await view();
  await zoom.focus();
  await page.keyboard.press('Space');
  await expect.poll(view).not.toBe(before);
  expect(await zoom.evaluate((element) => element === document.activeElement)).toBe(true);
});

test('filters and order are set by keys, and what they hide is not worked on', async () => {
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute('aria-label') ?? '');
  for (const [key, name] of [
    ['c', t.curate.recording],
    ['g', t.curate.score],
    ['o', t.curate.order],
    ['v', t.curate.verdict],
  ] as const) {
    await page.keyboard.press(key);
    expect(await focused()).toBe(name);
    await page.keyboard.press('Escape');
    expect(await focused()).toBe('');
  }
  await page.keyboard.press('v');
  await page.keyboard.type('Doubt');
  await page.keyboard.press('Escape');
  await expect.poll(() => selected().locator('.marks').innerText()).toContain('doubtful');
  const first = await text();
  await page.keyboard.press('Shift+V');
  await page.getByText('2,000 segments', { exact: true }).waitFor();
  expect(await text()).toBe(first); // and it is in sight
  await page.keyboard.press('o');
  await page.keyboard.type('Worst');
  await page.keyboard.press('Escape');
  await expect.poll(() => selected().locator('.marks').innerText()).toContain('rejected');
  await page.keyboard.press('/');
  await page.keyboard.type('no such words');
  await page.keyboard.press('Enter');
  await page.getByText(t.curate.nothingFits).waitFor();
  await page.keyboard.press('a');
  await page.keyboard.press('Delete');
  await page.keyboard.press('Shift+V');
  await selected().waitFor();
  expect(mock.history).toEqual([]);
  expect(problems).toEqual([]);
});
