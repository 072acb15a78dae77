// Curation: saving, and what others change meanwhile.
import { beforeEach, expect, test } from 'vitest';
import { violations } from './axe';
import { curating } from './curating';
import { setStage } from './stage';

const stage = setStage('#/curate/ada');
let { mock, page, problems } = stage;
const { ready, selected, text, find, elsewhere } = curating(stage);
beforeEach(async () => {
  ({ mock, page, problems } = stage);
  await ready();
});

test('overwrites nothing that was changed elsewhere', async () => {
  const type = async (words: string) => {
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+A');
    await page.keyboard.type(words);
  };
  await type('Mine.');
  elsewhere(0, { text: ' Theirs.' }); // another tab, or an editor
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'It was changed meanwhile' });
  await dialog.getByText('Theirs.').first().waitFor();
  await dialog.getByText('Mine.').first().waitFor();
  expect(await violations(page)).toEqual([]);
  expect(find(0).text).toBe(' Theirs.');
  await dialog.getByRole('button', { name: 'Leave it as it is now' }).click();
  await expect.poll(text).toBe('Theirs.');
  await type('Mine again.');
  elsewhere(0, { end: 2.2 });
  await page.keyboard.press('Enter');
  await dialog.getByRole('button', { name: 'Apply mine all the same' }).click();
  await expect.poll(() => find(0).text).toBe(' Mine again.');
  expect(find(0).end).toBe(2.2);
});

test('saves beside what others changed in other segments, without asking', async () => {
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Mine.');
  elsewhere(5, { text: ' Theirs.' });
  await page.keyboard.press('Enter');
  await expect.poll(() => find(0).text).toBe(' Mine.');
  expect(find(5).text).toBe(' Theirs.');
  await page.getByText('Theirs.', { exact: true }).waitFor();
  // Merging is about the neighbour, too.
  elsewhere(1, { text: ' Theirs, too.' });
  await page.keyboard.press('m');
  await page
    .getByRole('dialog', { name: 'It was changed meanwhile' })
    .getByText('Theirs.')
    .waitFor({ state: 'detached' });
  await page.getByRole('dialog').getByText('Merge with the next').waitFor();
  expect(find(1).text).toBe(' Theirs, too.');
});

test('keeps a text that could not be saved', async () => {
  await page.route('**/edits', (route) => route.abort());
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Long thought about.');
  await page.keyboard.press('Enter');
  await selected().getByText('not saved').waitFor();
  expect(await text()).toContain('It was, he said');
  await page.unroute('**/edits');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await expect.poll(() => find(0).text).toBe(' Long thought about.');
  await expect.poll(() => page.getByText('not saved').count()).toBe(0);
});

test('lists the history, and goes back and forth in it', async () => {
  for (const key of ['j', 'a', 'r', 'r', 'm']) await page.keyboard.press(key);
  await expect.poll(() => mock.history.length).toBe(4);
  await page.keyboard.press('y');
  const dialog = page.getByRole('dialog', { name: 'History' });
  const steps = dialog.getByRole('listitem');
  await expect.poll(() => steps.count()).toBe(5);
  expect(await steps.first().innerText()).toMatch(/merge talk\.wav:2[^]*as it is now/);
  expect(await steps.nth(1).innerText()).toMatch(/\d\d:\d\d:\d\d[^]*move-boundary/);
  expect(await violations(page)).toEqual([]);
  await steps.nth(3).getByRole('button', { name: 'Go to: accept talk.wav:1' }).click();
  await expect.poll(() => mock.history.length).toBe(1);
  await expect.poll(() => steps.nth(3).innerText()).toContain('as it is now');
  expect(find(2).end).toBeCloseTo(7.1, 3);
  expect(find(1).accepted).toBe(true);
  expect(await steps.nth(0).innerText()).toContain('undone');
  await steps.nth(1).getByRole('button').click();
  await expect.poll(() => find(2).end).toBeCloseTo(7.12, 3);
  await steps.nth(4).getByRole('button').click();
  await expect.poll(() => mock.history.length).toBe(0);
  await page.keyboard.press('Escape');
  await expect.poll(() => page.getByText('2,000 segments').count()).toBeGreaterThan(0);
  expect(problems).toEqual([]);
});

test('is quicker than the server: what is pressed while it saves is not lost', async () => {
  await page.route('**/edits', async (route) => {
    await new Promise((later) => setTimeout(later, 400));
    await route.continue();
  });
  const begun = Date.now();
  for (const key of ['r', 'r', 'r', 'a', 'a', 'a']) await page.keyboard.press(key);
  expect(await text()).toContain('Prosecutors');
  expect(Date.now() - begun).toBeLessThan(1500);
  await expect.poll(() => find(2).accepted, { timeout: 5000 }).toBe(true);
  expect(find(0).end).toBeCloseTo(2.33, 3);
  expect([0, 1, 2, 3].map((id) => find(id).accepted)).toEqual([true, true, true, false]);
});

test('shows at once what another tab did', async () => {
  const other = await page.context().newPage();
  await other.goto(page.url());
  await other.waitForSelector('.segment.selected');
  await page.bringToFront();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Told to both.');
  await page.keyboard.press('Enter');
  await other.getByText('Told to both.').first().waitFor({ timeout: 1500 });
});
