// Preparing, configuring, training, models: with the stand-in server.
import { readFileSync } from 'node:fs';
import { beforeEach, expect, test } from 'vitest';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);

test('a new voice; what is wrong with a name is said beside it', async () => {
  await goTo('prepare/ada');
  await page.getByRole('button', { name: 'New voice' }).click();
  await page.getByLabel('Name of the voice').fill('a/b');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByRole('alert').getByText('is no name of a voice').waitFor();
  await page.getByLabel('Name of the voice').fill('grace');
  await page.getByRole('button', { name: 'Create', exact: true }).click();
  await page.getByText('0 recordings').waitFor();
  expect(page.url()).toContain('#/prepare/grace');
});

test('by keys: the tip of what opened a dialog does not stay when the focus is back there', async () => {
  await goTo('prepare/ada');
  const open = page.getByRole('button', { name: 'New voice' });
  const tip = page.locator('.tip');
  await page.getByLabel('Voice', { exact: true }).focus();
  await page.keyboard.press('Tab');
  await tip.getByText('New voice').waitFor();
  await page.keyboard.press('Enter');
  await page.keyboard.type('grace');
  await page.keyboard.press('Enter');
  await page.getByText('0 recordings').waitFor();
  await expect.poll(() => open.evaluate((button) => button === document.activeElement)).toBe(true);
  expect(await tip.count()).toBe(0);
  // And no tip goes along to another page.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Tab');
  await tip.getByText('New voice').waitFor();
  await page.goBack();
  await tip.waitFor({ state: 'detached' });
});

test('files are sent in pieces, over broken connections, and a name that is taken is asked about', async () => {
  await goTo('prepare/brand%20new');
  let fails = 2;
  await page.route('**/uploads/**', (route) =>
    route.request().method() === 'PUT' && fails-- > 0 ? route.abort() : route.continue(),
  );
  const bytes = Buffer.alloc(9_000_000, 7);
  const file = { name: 'long talk.wav', mimeType: 'audio/wav', buffer: bytes };
  await page.locator('input[type=file][multiple]').setInputFiles(file);
  await page.locator('.recordings li', { hasText: 'long talk.wav' }).waitFor({ timeout: 20_000 });
  expect(mock.files.get('long talk.wav')!.equals(bytes)).toBe(true);
  await page.getByText('there', { exact: true }).waitFor({ state: 'detached', timeout: 10_000 });
  await page.locator('input[type=file][multiple]').setInputFiles(file);
  await page.getByText('is there already').waitFor();
  await page.getByRole('button', { name: 'Replace' }).click();
  await page.getByText('is there already').waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
});

test('the microphone becomes a WAV file', async () => {
  await page.context().grantPermissions(['microphone']);
  await goTo('prepare/brand%20new');
  await page.getByRole('button', { name: 'Record', exact: true }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.waitForTimeout(900);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  await page.getByLabel('Name of the recording').fill('by hand');
  await page.getByRole('button', { name: 'Keep' }).click();
  await expect.poll(() => mock.files.has('by hand.wav'), { timeout: 8000 }).toBe(true);
  const wav = mock.files.get('by hand.wav')!;
  expect(wav.subarray(0, 4).toString()).toBe('RIFF');
  expect(wav.length).toBeGreaterThan(44 + 20_000);
  expect(problems).toEqual([]);
});

test('settings are saved at once, and a wrong one is not', async () => {
  await goTo('prepare/ada');
  const field = page.getByLabel('Validation text length threshold');
  await field.fill('30');
  await field.press('Enter');
  await expect.poll(() => mock.datasetSettings.validation_text_length).toBe(30);
  await field.fill('thirty');
  await field.press('Enter');
  await page.getByText('A number is wanted.').waitFor();
  expect(mock.datasetSettings.validation_text_length).toBe(30);
  await page.getByRole('button', { name: 'Back to the default: 12' }).click();
  await expect.poll(() => mock.datasetSettings.validation_text_length).toBe(12);
});

test('an action runs, tells where it is, and stops', async () => {
  await goTo('prepare/ada');
  await page.getByRole('button', { name: 'Prepare', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.action).toBe('prepare');
  mock.event(mock.jobs[0]!.id, {
    type: 'progress',
    stage: 'transcribe',
    done: 3,
    total: 12,
    unit: 'recordings',
  });
  await page.getByText('Transcribing 3 / 12 recordings').first().waitFor();
  await page.locator('main').getByRole('button', { name: 'Stop', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.state).toBe('stopping');
  await page.locator('main').getByRole('button', { name: 'Stop at once' }).click();
  await expect.poll(() => mock.jobs[0]?.state).toBe('stopped');
});

test('a configuration: presets, errors beside the field, validation with suggestions, saving', async () => {
  await goTo('configure/ada');
  await page.getByLabel('Preset').selectOption('suggested');
  expect(await page.getByLabel('Epochs', { exact: true }).inputValue()).toBe('50');
  await page.getByLabel('Epochs', { exact: true }).fill('600000');
  await page.getByLabel('Epochs', { exact: true }).press('Enter');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await page.locator('[data-setting=epochs] [role=alert]').waitFor();
  await page.getByLabel('Epochs', { exact: true }).fill('60');
  await page.getByLabel('Epochs', { exact: true }).press('Enter');
  await page.getByRole('button', { name: 'Save and validate' }).click();
  await page.locator('[data-setting=batch_size]').getByText('More steps for so few clips.').waitFor();
  await page.locator('[data-setting=keep_states]').getByText('30 checkpoints need 90 GB').waitFor();
  await page.getByRole('button', { name: 'Take 64' }).click();
  expect(await page.getByLabel('Batch size').inputValue()).toBe('64');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => mock.trainingSettings.batch_size).toBe(64);
  expect(mock.trainingSettings.epochs).toBe(60);
  await page.getByRole('button', { name: 'Import' }).click();
  await expect.poll(() => page.getByLabel('Epochs', { exact: true }).inputValue()).toBe('77');
  await page.getByRole('radio', { name: /iteration 1,000/ }).check();
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => mock.trainingSettings.resume_state).toContain('1000.state');
  expect(problems).toEqual([]);
});

test('the YAML shows its mistakes at their line', async () => {
  await goTo('configure/ada');
  await page.getByRole('button', { name: 'YAML' }).click();
  const area = page.getByRole('textbox', { name: 'train.yaml' });
  await area.waitFor();
  await area.fill('name: ada\ntrain:\n  niter: many\n');
  await page.locator('.gutter .wrong').waitFor();
  expect(await page.locator('.gutter .wrong').innerText()).toBe('3');
  await area.fill('name: ada\ntrain:\n  niter: 90\n');
  await page.getByRole('button', { name: 'Save', exact: true }).click();
  await expect.poll(() => mock.yaml).toContain('niter: 90');
});

test('training: starts, shows numbers, stops gracefully, then hard', async () => {
  await goTo('train/ada');
  await page.getByRole('button', { name: 'Resume', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.action).toBe('resume');
  mock.event('j1', {
    type: 'progress',
    stage: 'train',
    done: 612,
    total: 1500,
    unit: 'iterations',
    epoch: 41,
    epochs: 100,
    rate: 2.5,
    lr: 1e-5,
    eta_seconds: 355,
    milestones: [{ kind: 'save', iteration: 675, iterations_left: 63, seconds_left: 25 }],
    losses: { text: 2.31, mel: 1.87, total: 1.9, validation: 2.05 },
    batch: 3,
    batches: 15,
  });
  for (const words of ['3 / 15', '1e-5', '2.31', '1.87', '1.9', '2.05'])
    await page.locator('dd').getByText(words, { exact: true }).first().waitFor();
  for (const words of ['41 / 100', '612 / 1,500', '2.5 it/s', '5 min 55 s left', '675, in 25 s'])
    await page.getByText(words, { exact: true }).waitFor();
  await page.locator('main header').getByRole('button', { name: 'Stop', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.state).toBe('stopping');
  await page.locator('main header').getByRole('button', { name: 'Stop at once' }).click();
  await expect.poll(() => mock.jobs[0]?.state).toBe('stopped');
});

test('the console is searched, and quiet unless asked', async () => {
  mock.jobs = [
    {
      id: 'j1',
      action: 'train',
      title: 'train ada',
      voice: 'ada',
      run: 'ada/finetune',
      state: 'running',
      created: 1,
    },
  ];
  for (let i = 0; i < 30; i++) mock.event('j1', { type: 'log', level: 'info', message: `line ${i}` });
  mock.event('j1', { type: 'metric', it: 1, loss_gpt_total: 2 });
  mock.jobsChanged();
  await goTo('train/ada');
  await page.getByText('line 29').waitFor();
  expect(await page.getByText('loss_gpt_total').count()).toBe(0);
  await page.getByLabel('Verbose').check();
  await page.getByText('loss_gpt_total').waitFor();
  await page.getByLabel('Search the console').fill('line 7');
  await expect.poll(() => page.locator('.console p').count()).toBe(1);
  expect(await page.locator('.console mark').allInnerTexts()).toEqual(['line 7']);

  // Who scrolls up is left in peace; at the end it follows again.
  await page.getByLabel('Search the console').fill('');
  const follow = page.getByLabel('Follow');
  await page.locator('.console').evaluate((box) => (box.scrollTop = 0));
  await expect.poll(() => follow.isChecked()).toBe(false);
  mock.event('j1', { type: 'log', level: 'info', message: 'line 30' });
  await page.getByText('line 30').waitFor();
  expect(await page.locator('.console').evaluate((box) => box.scrollTop)).toBe(0);
  await follow.check();
  await expect.poll(() => page.locator('.console').evaluate((box) => box.scrollTop)).toBeGreaterThan(0);
});

test('graphs: axes, zoom, values, comparing, files', async () => {
  await goTo('train/ada');
  const chart = page.getByRole('application', { name: 'Loss, graph' });
  await chart.waitFor();
  const box = (await chart.boundingBox())!;
  await page.mouse.move(box.x + box.width / 2, box.y + 100);
  await page.locator('.values').getByText('Iteration').waitFor();
  expect(await page.locator('.values .value').count()).toBe(6);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.7, box.y + 105, { steps: 4 });
  await page.mouse.up();
  await page.getByRole('button', { name: 'Show all of Loss' }).click();
  await page.getByLabel('Logarithmic').check();
  await page.getByLabel('Without outliers').check();
  await page.getByLabel('Along').selectOption('time');
  await page.getByLabel('Along').selectOption('epoch');
  await chart.focus();
  await page.keyboard.press('+');
  await page.keyboard.press('ArrowRight');
  await page.locator('.values').getByText('Epoch').waitFor();

  // One end of an axis is enough; what cannot be is said.
  await page.locator('summary[aria-label="Limits of Loss"]').click();
  const lowest = page.getByLabel('y from').first();
  await lowest.fill('0');
  await lowest.press('Enter');
  await page.getByText('A logarithmic axis begins above 0.').waitFor();
  await lowest.fill('1.5');
  await lowest.press('Enter');
  await page.getByText('A logarithmic axis begins above 0.').waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await page.getByText('Compare runs').click();
  await page.getByLabel(/finetune_archived/).check();
  await page.locator('.names li').nth(1).waitFor();
  await page.keyboard.press('Escape');
  for (const form of ['CSV', 'SVG', 'PNG']) {
    await page.locator('summary[aria-label="Save Loss"]').click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: `Save Loss as ${form}` }).click(),
    ]);
    const bytes = readFileSync(await download.path());
    const begins = { CSV: 'Epoch,', SVG: '<svg', PNG: '\x89PNG' }[form]!;
    expect(bytes.subarray(0, begins.length).toString('latin1')).toBe(begins);
  }
  for (const name of ['Learning rate', 'Gradient norm'])
    await page.getByRole('application', { name: `${name}, graph` }).waitFor();
  await page.getByLabel('Another number').selectOption('iteration_seconds');
  await page.getByRole('application', { name: 'Seconds an iteration, graph' }).waitFor();
  const [width, natural] = await page.getByLabel('Another number').evaluate((select: HTMLElement) => {
    const copy = select.parentElement!.appendChild(select.cloneNode(true) as HTMLElement);
    Object.assign(copy.style, { position: 'absolute', width: 'max-content', maxWidth: 'none' });
    const widths = [select, copy].map((each) => each.getBoundingClientRect().width);
    copy.remove();
    return widths;
  });
  expect(width).toBeGreaterThanOrEqual(natural!); // no name is cut off

  // How it is looked at stays when the page is loaded again.
  await page.reload();
  await chart.waitFor();
  expect(await page.getByLabel('Logarithmic').isChecked()).toBe(true);
  expect(await page.getByLabel('Along').inputValue()).toBe('epoch');
  await page.getByRole('application', { name: 'Seconds an iteration, graph' }).waitFor();
  expect(problems).toEqual([]);
});

test('by keyboard alone: resume, read a graph, stop, listen, take the model', async () => {
  await goTo('train/ada');
  await page.getByRole('heading', { name: 'Loss' }).waitFor();
  const focused = () =>
    page.evaluate(
      () =>
        document.activeElement?.getAttribute('aria-label') ??
        document.activeElement?.textContent?.trim() ??
        '',
    );
  async function tabTo(name: RegExp): Promise<void> {
    for (let i = 0; i < 90; i++) {
      if (name.test(await focused())) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`Tab never came to ${name}`);
  }
  await tabTo(/^Resume$/);
  await page.keyboard.press('Enter');
  await expect.poll(() => mock.jobs[0]?.state).toBe('running');
  await page.evaluate(() => document.getElementById('main')!.focus());
  await tabTo(/^Stop$/);
  await page.keyboard.press('Enter');
  await expect.poll(() => mock.jobs[0]?.state).toBe('stopping');
  await tabTo(/^Stop at once$/);
  await page.keyboard.press(' ');
  await expect.poll(() => mock.jobs[0]?.state).toBe('stopped');
  await tabTo(/^Loss, graph$/);
  await page.keyboard.press('ArrowLeft');
  await page.locator('.values').getByText('Iteration').waitFor();
  await page.keyboard.press('Escape');
  await tabTo(/^Play iteration 1500/);
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: /^Stop iteration 1500/ }).waitFor();
  await page.keyboard.press('Enter');
  await tabTo(/^Use the model of iteration 1500$/);
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(/^Use this model$/);
  await page.keyboard.press('Enter');
  await page.getByText('It is models/finetunes/ada_1500.pth now.').waitFor();
  expect(await focused()).toBe('Use the model of iteration 1500'); // back where it was
  expect(problems).toEqual([]);
});

test('samples: side by side, blind, and a model is taken', async () => {
  await goTo('train/ada');
  await page
    .getByRole('button', { name: /Play iteration 1500/ })
    .first()
    .click();
  await page.getByRole('button', { name: /Stop iteration 1500/ }).waitFor();
  await page.getByRole('button', { name: /^Stop iteration 1500/ }).click();
  await page.getByRole('button', { name: /^Play all checkpoints, oldest first: It was/ }).click();
  await page.getByRole('button', { name: /^Stop iteration 500: It was/ }).waitFor();
  await page.getByRole('button', { name: 'Blind A/B' }).click();
  expect(await page.locator('.ab').innerText()).not.toMatch(/iteration/);
  await page.getByRole('button', { name: 'A is better' }).click();
  await page
    .locator('.ab')
    .getByText(/iteration/)
    .first()
    .waitFor();
  await page.getByRole('button', { name: 'Next pair' }).click();
  expect(await page.locator('.ab').innerText()).not.toMatch(/iteration/);
  await page.getByRole('button', { name: 'No difference' }).click();
  await page.reload();
  await page.getByRole('button', { name: 'Blind A/B' }).click();
  const heard = await page.locator('.ab ~ table td:last-child').allInnerTexts();
  expect(heard.reduce((sum, each) => sum + Number(each), 0)).toBe(4); // two votes, two checkpoints each
  await page.getByRole('button', { name: 'Forget the votes' }).click();
  await expect.poll(() => page.locator('.ab ~ table').count()).toBe(0);
  await page.getByRole('button', { name: 'Use the model of iteration 1500' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Use this model' }).click();
  await page.getByText('It is models/finetunes/ada_1500.pth now.').waitFor();
});

test('models are merged and fetched, texts are cut into tokens', async () => {
  await goTo('models');
  await page.getByRole('button', { name: 'Merge two models' }).click();
  await page.getByLabel('Name of the new one').fill('both');
  await page.getByRole('button', { name: 'Merge', exact: true }).click();
  await expect.poll(() => mock.jobs[0]?.action).toBe('merge');
  await page.getByRole('button', { name: 'Fetch dvae' }).click();
  await expect.poll(() => mock.jobs[0]?.action).toBe('pull');
  await page.getByRole('button', { name: 'Inspect autoregressive.pth' }).click();
  await page.getByRole('dialog').getByText('6,134,978').waitFor();
  await page.keyboard.press('Escape');
  await goTo('tokenizer');
  await page.getByLabel('Text, one line each').fill('5 € more');
  await page.getByText('Unknown: €').waitFor();
  await page.getByText('EURO SIGN').waitFor();
  await goTo('settings');
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await page.getByText('Free some space.').waitFor();
  expect(problems).toEqual([]);
});
