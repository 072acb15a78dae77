// What is chosen, thrown away and made: voices, uploads, models, settings; with the stand-in server.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { violations } from './axe';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);

test('a field offers what there is: by mouse, by keys alone, and anything else may be typed', async () => {
  await goTo('prepare/ada');
  const model = page.getByRole('combobox', { name: 'Whisper model' });
  await model.locator('..').getByRole('button', { name: 'Show what there is' }).click();
  const offers = page.locator('li[role=option]');
  expect(await offers.allInnerTexts()).toEqual([
    expect.stringMatching(/^tiny.en\s+there$/),
    expect.stringMatching(/^base\s+to be fetched, 145 MB$/),
  ]);
  expect(await violations(page)).toEqual([]);
  await offers.first().click();
  await expect.poll(() => mock.datasetSettings.whisper_model).toBe('tiny.en');
  expect(await offers.count()).toBe(0);

  const language = page.getByRole('combobox', { name: 'Language' });
  await language.focus();
  await page.keyboard.press('ArrowDown');
  expect(await offers.count()).toBeGreaterThan(90);
  await page.keyboard.type('germ'); // in place of what stood there
  await expect.poll(() => offers.count()).toBe(1);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect.poll(() => mock.datasetSettings.language).toBe('de');
  expect(await language.inputValue()).toBe('de');
  await language.fill('tlh');
  await page.keyboard.press('Enter');
  await expect.poll(() => mock.datasetSettings.language).toBe('tlh');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Escape');
  expect(await offers.count()).toBe(0);
  expect(problems).toEqual([]);
});

test('the help of a setting is shown where the keyboard rests, and not in the way of who types or clicks', async () => {
  await goTo('prepare/ada');
  const field = page.getByLabel('Validation text length threshold');
  const help = page.locator('.tip', { hasText: 'Lines with a shorter text' });
  await field.click();
  await page.waitForTimeout(500);
  expect(await help.count()).toBe(0);
  await page.keyboard.press('Tab');
  await page.keyboard.press('Shift+Tab');
  await help.waitFor();
  const [tip, box] = [(await help.boundingBox())!, (await field.boundingBox())!];
  expect(tip.y + tip.height <= box.y || tip.y >= box.y + box.height).toBe(true);
  await page.keyboard.type('3');
  await help.waitFor({ state: 'detached' });
});

test('a voice goes to the trash, with its training only when that is said', async () => {
  await goTo('prepare/ada');
  await page.getByRole('button', { name: 'Delete voice' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete ada' });
  await dialog.getByText('Its 3 recordings will lie in trash/').waitFor();
  await page.keyboard.press('Escape');
  expect(mock.deleted).toBe('');
  await page.getByRole('button', { name: 'Delete voice' }).click();
  await dialog.getByRole('button', { name: 'Move to the trash' }).click();
  await expect.poll(() => mock.deleted).toBe('ada false');
  await page.getByText('ada lies in trash/ now.').waitFor();
  await expect.poll(() => page.url()).toContain('#/prepare/brand%20new');
  await page.getByRole('button', { name: 'Delete voice' }).click();
  await page.getByLabel('Also its dataset, configuration and checkpoints').check();
  await page.getByRole('button', { name: 'Move to the trash' }).click();
  await expect.poll(() => mock.deleted).toBe('brand new true');
  await page.getByText('Begin with a voice').waitFor();
});

test('a dialog with a long name in its title keeps the name and its ✕ inside', async () => {
  await page.getByRole('button', { name: 'Delete voice' }).waitFor();
  mock.voices[0]!.name = 'x'.repeat(190);
  await goTo(`prepare/${mock.voices[0]!.name}`);
  await page.reload();
  await page.getByRole('button', { name: 'Delete voice' }).click();
  const dialog = page.getByRole('dialog');
  const [box, title, close] = [
    (await dialog.boundingBox())!,
    (await dialog.getByRole('heading').boundingBox())!,
    (await dialog.getByRole('button', { name: t.close }).boundingBox())!,
  ];
  expect(title.x + title.width).toBeLessThanOrEqual(close.x);
  expect(close.x + close.width).toBeLessThanOrEqual(box.x + box.width);
  expect(close.y).toBeLessThan(box.y + 20);
});

test('a folder is added with the folders in it, without what is no recording', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-folder-'));
  mkdirSync(join(folder, 'more'));
  for (const name of ['a.wav', 'more/b.flac', 'more/b.txt', 'Thumbs.db', 'more/.hidden.wav'])
    writeFileSync(join(folder, name), 'some bytes');
  await goTo('prepare/brand%20new');
  await page.locator('input[webkitdirectory]').setInputFiles(folder);
  await expect.poll(() => [...mock.files.keys()].sort()).toEqual(['a.wav', 'b.flac', 'b.txt']);
  rmSync(folder, { recursive: true });
});

test('of many files few are shown, with the whole; leaving is asked about meanwhile', async () => {
  await goTo('prepare/brand%20new');
  let hold = true;
  await page.route('**/uploads/**', async (route) => {
    while (hold) await new Promise((done) => setTimeout(done, 20));
    await route.continue();
  });
  await page.locator('input[type=file][multiple]').setInputFiles(
    Array.from({ length: 40 }, (_, i) => ({
      name: `f${i}.wav`,
      mimeType: 'audio/wav',
      buffer: Buffer.alloc(1000),
    })),
  );
  const list = page.getByRole('list', { name: 'Uploads' });
  await list.getByText('0 of 40 files · 0 B / 40 KB').waitFor();
  await list.getByText('and 34 more').waitFor();
  const asked = new Promise<string>((done) =>
    page.once('dialog', (dialog) => {
      done(dialog.type());
      void dialog.dismiss();
    }),
  );
  await page.mouse.click(5, 500); // a page that was touched may ask
  void page.close({ runBeforeUnload: true });
  expect(await asked).toBe('beforeunload');
  hold = false;
  await expect.poll(() => mock.files.size, { timeout: 20_000 }).toBe(40);
  expect(problems).toEqual([]);
});

test('what was begun and not finished is listed, and thrown away', async () => {
  const now = Date.now() / 1000;
  mock.unfinished = [
    { name: 'talk.wav', offset: 5e8, total: 2e9, complete: false, key: '1 2', changed: now - 3 * 86400 },
    { name: 'other.wav', offset: 5e8, total: 1e9, complete: false, key: 'x', changed: now },
  ];
  await goTo('prepare/brand%20new');
  await page.getByText('talk.wav: 500 MB of 2 GB are there, the last came 3 d 0 h ago.').waitFor();
  await page.getByText('other.wav is being sent from another page: 50 %').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Throw away what is there of talk.wav' }).click();
  await page.getByText('talk.wav: 500 MB').waitFor({ state: 'detached' });
  expect(mock.unfinished.map((each) => each.name)).toEqual(['other.wav']);
});

test('a recording outlives a look at another page', async () => {
  await page.context().grantPermissions(['microphone']);
  await goTo('prepare/brand%20new');
  await page.getByRole('button', { name: 'Record', exact: true }).click();
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.waitForTimeout(900);
  await page.getByRole('link', { name: 'Curate' }).first().click();
  await page.getByText(/^recording-\d+-\d+ was kept/).waitFor();
  await expect.poll(() => [...mock.files.keys()].join()).toMatch(/^recording-\d+-\d+\.wav$/);
  expect([...mock.files.values()][0]!.length).toBeGreaterThan(44 + 20_000);
  expect(problems).toEqual([]);
});

test('a random model is made', async () => {
  await goTo('models');
  await page.getByRole('button', { name: 'Make a random model' }).click();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('radio', { name: 'micro' }).check();
  expect(await page.getByLabel('Name in models/tortoise').getAttribute('placeholder')).toBe('random-micro');
  await page.getByLabel('Name in models/tortoise').fill('to try');
  await page.getByLabel('Entries of the vocabulary').fill('300');
  await page.getByRole('button', { name: 'Make it' }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
  expect(mock.asked).toEqual({
    action: 'init',
    size: 'micro',
    name: 'to try',
    seed: 1,
    text_tokens: 300,
    overwrite: false,
  });
  await page.getByRole('heading', { name: 'Work', exact: true }).waitFor();
});

test('what settings come to is told while they are changed', async () => {
  await goTo('configure/ada');
  const plan = page.locator('section', { has: page.getByRole('heading', { name: 'Plan' }) });
  const batch = page.getByLabel('Batch size');
  await page.getByLabel('Epochs', { exact: true }).fill('10');
  await batch.fill('100');
  await batch.press('Enter');
  await plan.getByText('200', { exact: true }).waitFor(); // 20 an epoch
  await plan.getByText('20', { exact: true }).waitFor();
  await batch.fill('200');
  await batch.press('Enter');
  await plan.getByText('10', { exact: true }).waitFor();
  expect(mock.trainingSettings.batch_size).not.toBe(200); // nothing was saved
});

test('folders, and the trash is emptied only when that is confirmed', async () => {
  await goTo('settings');
  const folders = page.locator('section', { has: page.getByRole('heading', { name: 'Folders' }) });
  await folders.getByText('9.4 GB').waitFor();
  await folders.getByRole('button', { name: 'Empty the trash' }).click();
  await page.getByRole('dialog').getByText('2 files, 12 MB, will be gone for good.').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Cancel' }).click();
  expect(mock.folders.at(-1)!.files).toBe(2);
  await folders.getByRole('button', { name: 'Empty the trash' }).click();
  await page.getByRole('button', { name: 'Delete for good' }).click();
  await folders.getByRole('button', { name: 'Empty the trash' }).waitFor({ state: 'detached' });
  expect(mock.folders.at(-1)!.files).toBe(0);
  const device = page.getByRole('combobox', { name: 'Device' });
  await device.fill('');
  await page.locator('li[role=option]', { hasText: /^cpu/ }).click();
  await expect.poll(() => mock.app.device).toBe('cpu');
  expect(problems).toEqual([]);
});

test('an import of a folder says what was taken, and the sizes of folders follow', async () => {
  await goTo('settings');
  await page.getByText('recordings', { exact: true }).waitFor();
  let looks = 0;
  page.on('request', (request) => void (request.url().endsWith('/api/system/folders') && ++looks));
  await page.getByLabel(t.settings.folder, { exact: true }).fill('/home/me/ai-voice-cloning');
  await page.getByRole('button', { name: t.settings.importNow, exact: true }).click();
  await page.getByText(t.settings.taken(12, '4 MB', 3, 0)).waitFor();
  expect(mock.asked).toMatchObject({ action: 'import', folder: '/home/me/ai-voice-cloning', how: 'copy' });
  await expect.poll(() => looks).toBe(1);
  expect(problems).toEqual([]);
});

test('models: checkpoints by number, states last and not to be merged', async () => {
  await page.route('**/api/models', (route) =>
    route.fulfill({
      json: ['models/100_gpt.pth', 'training_state/50.state', 'models/50_gpt.pth'].map((path) => ({
        name: path.replace(/.*\/|\.\w+$/g, ''),
        place: 'checkpoint',
        voice: 'ada',
        path: `training/ada/finetune/${path}`,
        kind: path.endsWith('.state') ? 'training state' : 'autoregressive',
      })),
    }),
  );
  await goTo('models');
  const inspect = page.getByRole('button', { name: /^Inspect/ });
  await expect
    .poll(() => inspect.evaluateAll((all) => all.map((each) => each.getAttribute('aria-label'))))
    .toEqual(['50_gpt', '100_gpt', '50'].map(t.models.inspectNamed));
  await page.getByText(t.models.kinds['training state']!).waitFor();
  await page.getByRole('button', { name: t.models.merge }).click();
  expect(await page.getByRole('dialog').locator('select').first().locator('option').allInnerTexts()).toEqual(
    ['50_gpt', '100_gpt'].map((each) => `training/ada/finetune/models/${each}.pth`),
  );
  expect(problems).toEqual([]);
});
