// A training while it does other things, the first one of a voice, and its page under keys; with the stand-in server.
import { beforeEach, expect, test } from 'vitest';
import type { JobState } from '../src/lib/types';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);

test('while samples are spoken the training stands where it stood, also when the page is loaded anew', async () => {
  await goTo('train/ada');
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.action).toBe('resume');
  const told = { stage: 'train', done: 610, total: 1000, unit: 'iterations', batch: 3, batches: 15 };
  const more = {
    eta_seconds: 355,
    milestones: [{ kind: 'save', iteration: 675, iterations_left: 63, seconds_left: 25 }],
  };
  mock.event('j1', { type: 'progress', ...told, ...more });
  const all = async () => {
    for (const words of ['610 / 1,000', '3 / 15', '5 min 55 s left', '675, in 25 s'])
      await page.getByText(words, { exact: true }).waitFor();
    const bars = await page
      .getByRole('progressbar')
      .evaluateAll((found) => found.map((bar) => bar.getAttribute('aria-valuenow')));
    expect(bars).toEqual(['61', '61', '61']); // at the left, of the training, of the queue
    expect(await page.title()).toMatch(/^61 %/);
  };
  await all();
  mock.event('j1', { type: 'progress', stage: 'speak', done: 1, total: 3, unit: 'sentences' });
  await page.getByText('Speaking samples: 1 of 3').waitFor();
  await all();

  // What the server knows of it then.
  const { progress: _, ...job } = mock.jobs[0]!;
  mock.jobs[0] = {
    ...job,
    training: { ...told, ...more, time: 1_800_000_000 },
    progress: { stage: 'speak', done: 2, total: 3, unit: 'sentences' },
  };
  await page.reload();
  await page.getByText('Speaking samples: 2 of 3').waitFor();
  await all();
  mock.event('j1', { type: 'progress', ...told, ...more });
  await page.getByText('Speaking samples').waitFor({ state: 'detached' });
  await all();
  expect(problems).toEqual([]);
});

test('before the first training of a voice nothing of a run is asked for', async () => {
  const failed: string[] = [];
  page.on('response', (answer) => answer.status() >= 400 && failed.push(answer.url()));
  mock.voices.push({ name: 'cy', recordings: 2, bytes: 1, train_lines: 20, configured: true });
  await goTo('train/cy');
  await page.reload();
  await page.getByRole('button', { name: 'Train', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.run).toBe('cy/finetune');
  mock.event('j1', { type: 'progress', stage: 'train', done: 1, total: 100, unit: 'iterations' });
  mock.event('j1', { type: 'metric', it: 1, loss_gpt_total: 2 });
  await page.getByText('1 / 100', { exact: true }).waitFor();
  await page.waitForTimeout(600); // longer than new numbers wait for more
  await page.getByText('The curves begin with the first iteration.').waitFor();
  mock.runs.push({ voice: 'cy', run: 'finetune', kind: 'testudo', active: true });
  mock.changed('run:cy/finetune');
  await page.getByRole('application', { name: 'Loss, graph' }).waitFor();
  await page
    .getByRole('button', { name: /Play iteration 1500/ })
    .first()
    .waitFor();
  expect(failed).toEqual([]);
  expect(problems).toEqual([]);
});

/** What keys are for now. */
const focused = () =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim(),
  );

test('the focus stays in the queue when a job leaves it or moves in it', async () => {
  const job = (id: string, state: JobState) => ({ id, action: 'train', title: id, state, created: 1 });
  mock.jobs = [
    ...['a', 'b', 'c'].map((id) => job(id, 'waiting')),
    ...['d', 'e'].map((id) => job(id, 'stopped')),
  ];
  mock.jobsChanged();
  await goTo('train/ada');
  await page.getByRole('button', { name: 'a: later' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.locator('.waiting').allInnerTexts()).toEqual(['1\nb', '2\na', '3\nc']);
  expect(await focused()).toBe('a: later');
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('a: earlier'); // there is no later one
  await page.getByRole('button', { name: 'Take c off the queue' }).focus();
  for (const next of ['Take a off the queue', 'Take b off the queue', 'Pause']) {
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe(next);
  }
  await page.getByText('Ended (2)').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Take d off the list' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Take e off the list');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('main'); // nothing is left
  expect(problems).toEqual([]);
});

test('blind A/B by keys alone: each answer leads on', async () => {
  await goTo('train/ada');
  await page.getByRole('button', { name: 'Blind A/B' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'A is better' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Next pair');
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Play A');
  await page.getByRole('button', { name: 'Forget the votes' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Another pair');
  expect(problems).toEqual([]);
});
