// Marks in the graphs, remarks, why a sample is silent, and the console of a training that a terminal started.
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { violations } from './axe';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);
const lossGraph = () => page.getByRole('application', { name: 'Loss, graph' });
const warning = (message: string, about: string, more: object = {}) => ({
  type: 'log',
  level: 'warning',
  message,
  about,
  ...more,
});
const skippedAt = (it: number) =>
  warning(
    `iteration ${it} gave the loss 9.1, above 4.2 (five standard deviations over the last 100), and changed nothing; its clips: audio/talk_00812.wav, audio/talk_00007.wav`,
    'skipped',
    { it, clips: ['audio/talk_00812.wav', 'audio/talk_00007.wav'] },
  );

test('marks are shown, turned off, read by keyboard, kept in files', async () => {
  mock.runTells(skippedAt(812));
  await goTo('train/ada');
  await lossGraph().waitFor();
  const legend = page.getByRole('group', { name: 'Marks in the graphs' });
  for (const [name, number] of [
    ['Checkpoints', 4],
    ['Learning rate leaps', 3],
    ['Epochs', 100],
    ['Skipped steps', 1],
  ])
    await legend.getByRole('button', { name: `${name}, ${number} in the graphs`, pressed: true }).waitFor();
  const picture = lossGraph().getByRole('img');
  expect(await picture.getAttribute('aria-label')).toMatch(
    /Checkpoint 250, no longer kept, .*Learning rate falls from 1e-5 to 5e-6 at 400, .*Skipped step 812.*100 epochs/,
  );

  await lossGraph().focus();
  await page.keyboard.press('n');
  await page.locator('.values').getByText('Checkpoint 250, no longer kept').waitFor();
  await page.keyboard.press('n');
  await page.locator('.values').getByText('Learning rate falls from 1e-5 to 5e-6 at 400').waitFor();
  await page.keyboard.press('n');
  await page.locator('.values').getByText('Checkpoint 500').waitFor();
  await page.keyboard.press('Enter');
  await page.locator('tr[aria-current] button', { hasText: 'Use this model' }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe(
    'Use the model of iteration 500',
  );
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: 'Use the model of iteration 500' }).waitFor();
  await page.keyboard.press('Escape');

  async function svg(): Promise<string> {
    await page.locator('summary[aria-label="Save Loss"]').click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'Save Loss as SVG' }).click(),
    ]);
    return readFileSync(await download.path(), 'utf8');
  }
  const full = await svg();
  for (const name of ['Checkpoints', 'Learning rate leaps', 'Epochs', 'Skipped steps'])
    expect(full).toContain(`>${name}</text>`);
  await legend.getByRole('button', { name: /^Checkpoints/ }).click();
  await legend.getByRole('button', { name: /^Checkpoints/, pressed: false }).waitFor();
  const fewer = await svg();
  expect(fewer).not.toContain('>Checkpoints</text>');
  expect(fewer.length).toBeLessThan(full.length);
  await page.reload(); // kept by the browser
  await legend.getByRole('button', { name: /^Checkpoints/, pressed: false }).waitFor();
  expect(await picture.getAttribute('aria-label')).not.toContain('Checkpoint 500');
  expect(problems).toEqual([]);
});

test('a press on the foot of a checkpoint’s mark selects it in the list', async () => {
  await goTo('train/ada');
  await lossGraph().waitFor();
  await page.getByRole('button', { name: /^Checkpoints, / }).waitFor();
  const box = (await lossGraph().boundingBox())!;
  // Where its mark lies is where the cursor says so.
  let found = 0;
  for (let x = 45; x < box.width && !found; x += 3) {
    await page.mouse.move(box.x + x, box.y + box.height - 30);
    if (await page.locator('.values .mark', { hasText: 'Checkpoint 1,000' }).count()) found = x;
  }
  expect(found).toBeGreaterThan(0);
  await page.mouse.click(box.x + found, box.y + box.height - 30);
  await page.locator('tr[aria-current][data-iteration="1000"]').waitFor();
  expect(problems).toEqual([]);
});

test('remarks: newest first, with their clips and their place in the graph', async () => {
  await goTo('train/ada');
  await page.getByText('Nothing to remark.').waitFor();
  mock.runTells({ type: 'remark', name: 'mel_above_text', message: 'the mel loss is above', it: 300 });
  mock.runTells(skippedAt(812));
  mock.runTells(
    warning('a validation ran out of memory (8 GB) with 4 clips at a time: from now on 2', 'memory'),
  );
  mock.runTells(
    warning('the checkpoint of iteration 1000 could not be written: the disk is full.', 'disk', { it: 1000 }),
  );
  mock.runTells({ type: 'remark', name: 'overfitting', message: 'the validation loss has risen', it: 1200 });
  mock.runTells({ type: 'log', level: 'info', message: 'nothing that matters' });
  const panel = page.locator('section', { has: page.getByRole('heading', { name: 'Remarks' }) });
  await expect
    .poll(() => panel.locator('.badge').allInnerTexts())
    .toEqual(['Overfitting', 'Not saved', 'Less memory', 'Step skipped', 'Mel above text']);
  await panel.getByText('2 clips').click();
  await panel.getByText('audio/talk_00812.wav').waitFor();
  // What names no iteration lies where its time does: 3000 s at 4.2 s each.
  await panel.getByRole('button', { name: 'Show iteration 714 in the graph' }).waitFor();
  await panel.getByRole('button', { name: 'Show iteration 812 in the graph' }).click();
  await page.locator('.values').getByText('Skipped step 812').waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Loss, graph');
  await page.keyboard.press('Enter'); // and back
  await panel.locator('li[aria-current]', { hasText: 'iteration 812 gave' }).waitFor();
  expect(await violations(page)).toEqual([]);
  expect(problems).toEqual([]);
});

test('a sample that cannot be played says why', async () => {
  mock.unspoken = ['1000_1.wav'];
  mock.silent = ['1500_0.wav'];
  mock.runTells(
    warning(
      'sample 2 of iteration 1000 could not be spoken: no end was found. The training goes on.',
      'sample',
      {
        it: 1000,
        number: 2,
      },
    ),
  );
  await goTo('train/ada');
  await page.getByText('could not be spoken: no end was found').first().waitFor();
  const silent = page.locator('.silent');
  expect(await silent.innerText()).toContain('Iteration 1,000: It was, he said, a good idea.');
  await page.getByRole('button', { name: /^Play iteration 1500: Prosecutors/ }).click();
  await silent.getByText('there is no sample 1500_0.wav See the samples of the run.').waitFor();
  await page.getByRole('button', { name: /^Play iteration 1500: Prosecutors/ }).waitFor();
  expect(problems).toEqual([]);
});

test('the console of a training that a terminal started, and goes on', async () => {
  for (let i = 0; i < 5; i++) mock.runTells({ type: 'log', level: 'info', message: `line ${i}` });
  mock.runTells({ type: 'metric', it: 1, loss_gpt_total: 2 });
  await goTo('train/ada');
  const lines = page.locator('.console p');
  await expect.poll(() => lines.count()).toBe(5);
  mock.runTells({ type: 'remark', name: 'overfitting', message: 'it has begun to overfit', it: 7 });
  await page.locator('.console .warning', { hasText: 'it has begun to overfit' }).waitFor();
  await page.getByLabel('Verbose').check();
  await page.locator('.console').getByText('loss_gpt_total').waitFor();
  expect(await lines.count()).toBe(7);
  await page.getByLabel('Search the console').fill('line 3');
  await expect.poll(() => lines.count()).toBe(1);

  // Beside the console of a job there is still all that the run told.
  await page.getByLabel('Search the console').fill('');
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await page.getByLabel('Console of').selectOption({ label: 'ada/finetune: all that it told' });
  await expect.poll(() => lines.count()).toBe(6);
  expect(problems).toEqual([]);
});
