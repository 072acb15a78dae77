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

const busy = { status: 423, kind: 'busy', what: 'training/ada is being used', hint: '' };
const full = { status: 507, kind: 'disk_full', what: 'no room for whisper.json', hint: 'Free some space.' };
const note = () => page.getByRole('alert');
const head = () => page.locator('.state');
const enter = async (words: string) => {
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type(words);
  await page.keyboard.press('Enter');
};

test('a text that the server refuses stays with its segment, also when the page is loaded anew', async () => {
  mock.refusal = { status: 422, kind: 'input', what: 'whisper.json:1: no JSON', hint: 'Correct it.' };
  await enter('Long thought about.');
  await selected().getByText('not saved').waitFor();
  await page.getByText('whisper.json:1: no JSON').waitFor();
  expect(await text()).toContain('It was, he said');
  page.on('dialog', (dialog) => void dialog.accept());
  await page.reload();
  await selected().getByText('not saved').waitFor();
  mock.refusal = null;
  await page.keyboard.press('Enter');
  expect(await page.getByLabel('Text of the segment').inputValue()).toBe('Long thought about.');
  await page.keyboard.press('Enter');
  await expect.poll(() => find(0).text).toBe(' Long thought about.');
  await expect.poll(() => page.getByText('not saved').count()).toBe(0);
});

test('while a job holds the voice changes wait, and are saved when it ends', async () => {
  mock.jobs.push({ id: 'j1', action: 'prepare', voice: 'ada', state: 'running', created: 1 });
  mock.jobsChanged();
  mock.refusal = busy;
  await enter('Said anew.');
  await note().getByText('training/ada is being used').waitFor();
  await note().getByText('Wait for the job to end, or stop it. Go on working').waitFor();
  await page.getByText('1 change waits to be saved.').waitFor();
  expect(await text()).toContain('Said anew.');
  await selected().getByText('not saved').waitFor();
  expect(await head().innerText()).toBe('Not saved');
  await page.keyboard.press('j');
  await page.keyboard.press('r');
  await page.keyboard.press('a');
  await page.getByText('3 changes wait to be saved.').waitFor();
  expect(await violations(page)).toEqual([]);
  mock.refusal = null;
  mock.jobs[0]!.state = 'done';
  mock.jobsChanged();
  await expect.poll(() => find(1).accepted, { timeout: 1500 }).toBe(true);
  expect(find(0).text).toBe(' Said anew.');
  expect(find(1).end).toBeCloseTo(4.71, 3);
  expect(mock.history).toHaveLength(3);
  await note().waitFor({ state: 'detached' });
  await expect.poll(() => head().innerText()).toBe('Saved');
  expect(await page.getByText('not saved').count()).toBe(0);
  expect(problems).toEqual([]);
});

test('what waits can be taken back, the newest first', async () => {
  mock.refusal = busy;
  await page.keyboard.press('r');
  await note().waitFor();
  await page.keyboard.press('r');
  await page.getByText('2 changes wait').waitFor();
  await page.keyboard.press('Control+z');
  await page.getByText('1 change waits').waitFor();
  expect(await page.getByLabel('End', { exact: true }).inputValue()).toBe('0:02.310');
  await page.getByRole('button', { name: 'Take back the last change that is not saved' }).click();
  await note().waitFor({ state: 'detached' });
  expect(await page.getByLabel('End', { exact: true }).inputValue()).toBe('0:02.300');
  mock.refusal = null;
  await page.keyboard.press('a');
  await expect.poll(() => mock.history.length).toBe(1);
  expect(find(0).end).toBe(2.3);
});

test('a full disk: what waits outlives a reload and a look at another page, and is saved by one button', async () => {
  mock.refusal = full;
  await enter('Kept by the browser.');
  await note().getByText('no room for whisper.json').waitFor();
  await note().getByText('Free some space. Go on working').waitFor();
  const asked: string[] = [];
  page.on('dialog', (dialog) => (asked.push(dialog.type()), void dialog.accept()));
  await page.reload();
  await note().getByText('no room for whisper.json').waitFor();
  expect(asked).toEqual(['beforeunload']);
  await expect.poll(text).toBe('Kept by the browser.');
  const pages = page.getByRole('navigation', { name: 'Pages' });
  await pages.getByRole('link', { name: 'Prepare' }).click();
  await page.getByRole('heading', { name: 'Prepare' }).waitFor();
  await pages.getByRole('link', { name: 'Curate' }).click();
  await selected().getByText('not saved').waitFor();
  mock.refusal = null;
  await page.getByRole('button', { name: 'Save now' }).click();
  await expect.poll(() => find(0).text).toBe(' Kept by the browser.');
  await note().waitFor({ state: 'detached' });
  await page.reload(); // nothing is asked when nothing waits
  await ready();
  expect(asked).toHaveLength(1);
  expect(mock.history).toHaveLength(1);
});

test('what waits is saved also when its page was left', async () => {
  mock.refusal = busy;
  await enter('Left alone.');
  await note().waitFor();
  await page.getByRole('link', { name: 'Models' }).click();
  mock.refusal = null;
  await expect.poll(() => find(0).text, { timeout: 8000 }).toBe(' Left alone.');
});

test('a lost connection: what is changed meanwhile is saved when the server is back', async () => {
  const port = Number(new URL(stage.url).port);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Control+A');
  await page.keyboard.type('Typed while it was away.');
  await mock.stop();
  await page.keyboard.press('Enter');
  await note().getByText('The server does not answer.').waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('r');
  await page.getByText('2 changes wait').waitFor();
  expect(await page.locator('.segment').first().locator('.text').innerText()).toBe(
    'Typed while it was away.',
  );
  await mock.start(port);
  await expect.poll(() => find(1).end, { timeout: 8000 }).toBeCloseTo(4.71, 3);
  expect(find(0).text).toBe(' Typed while it was away.');
  await note().waitFor({ state: 'detached' });
  expect(mock.history).toHaveLength(2);
});

test('an answer that was lost makes no second step and no conflict', async () => {
  await page.route('**/edits', async (route) => {
    await route.fetch();
    await route.abort();
    await page.unroute('**/edits');
  });
  await enter('Once only.');
  await expect.poll(() => find(0).text).toBe(' Once only.');
  await expect.poll(() => head().innerText(), { timeout: 8000 }).toBe('Saved'); // by itself
  await note().waitFor({ state: 'detached' });
  expect(mock.history).toHaveLength(1);
  expect(await page.getByRole('dialog').count()).toBe(0);
});

test('what waited meets what others changed meanwhile', async () => {
  mock.refusal = busy;
  await enter('Mine.');
  await note().waitFor();
  elsewhere(0, { text: ' Theirs.' });
  mock.refusal = null; // it is tried again by itself
  const dialog = page.getByRole('dialog', { name: 'It was changed meanwhile' });
  await dialog.getByText('Theirs.').first().waitFor();
  page.on('dialog', (dialog) => void dialog.accept());
  await page.reload(); // it still waits to be decided
  await dialog.getByRole('button', { name: 'Apply mine all the same' }).click();
  await expect.poll(() => find(0).text).toBe(' Mine.');
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
