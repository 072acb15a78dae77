// Models and vocabularies: what is asked for, refusals beside what was chosen, and what is told of a model.
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { violations } from './axe';
import { setStage } from './stage';

const stage = setStage('#/models');
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const button = (name: string) => page.getByRole('button', { name, exact: true });
const taken = {
  what: 'models/tortoise/mine.pth is there already',
  hint: 'Choose another name, or replace it with --overwrite.',
  kind: 'usage',
};

test('a name that is taken is told in the dialog, with all that was chosen', async () => {
  mock.failure = taken;
  await button(t.models.init).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('radio', { name: 'micro' }).check();
  await dialog.getByLabel(t.models.baseName).fill('mine');
  await dialog.getByLabel(t.models.seed).fill('7');
  await dialog.getByRole('button', { name: t.models.initNow }).click();
  await dialog.getByRole('alert').getByText(taken.what).waitFor();
  await dialog.getByText(`Choose another name, or tick “${t.models.overwrite}”.`).waitFor();
  expect(await page.locator('.toast').count()).toBe(0);
  expect(await violations(page)).toEqual([]);
  mock.failure = null;
  await dialog.getByLabel(t.models.overwrite).check();
  await dialog.getByRole('button', { name: t.models.initNow }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(mock.asked).toEqual({
    action: 'init',
    size: 'micro',
    name: 'mine',
    seed: 7,
    text_tokens: 256,
    overwrite: true,
  });
  expect(problems).toEqual([]);
});

test('converting and merging ask for texts, numbers and yes or no', async () => {
  mock.failure = taken;
  await button(t.models.convertNamed('ada_1000.pth')).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(t.models.precision).selectOption('fp16');
  await dialog.getByRole('button', { name: t.models.convert, exact: true }).click();
  await dialog.getByRole('alert').waitFor();
  mock.failure = null;
  await dialog.getByRole('button', { name: t.models.convert, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(mock.asked).toEqual({
    action: 'convert',
    from: 'models/finetunes/ada_1000.pth',
    to: 'models/finetunes/ada_1000_fp16.safetensors',
    precision: 'fp16',
    overwrite: false,
  });
  await button(t.models.merge).click();
  await dialog.getByLabel(t.models.newName).fill('both');
  await dialog.getByRole('slider').fill('0.25');
  await dialog.getByRole('button', { name: t.models.mergeNow }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(mock.asked).toEqual({
    action: 'merge',
    a: 'models/finetunes/ada_1000.pth',
    b: 'models/tortoise/autoregressive.pth',
    weight: 0.25,
    to: 'both',
    overwrite: false,
  });
  await button(t.models.fetchNamed('dvae')).click();
  await expect.poll(() => mock.asked).toEqual({ action: 'pull', names: ['dvae'], force: false });
});

test('what is in a model is told in words', async () => {
  await button(t.models.inspectNamed('autoregressive.pth')).click();
  const rows = page.getByRole('dialog').locator('tr');
  const told = async () =>
    (await rows.evaluateAll((all) =>
      all.map((row) => [...row.children].map((cell) => cell.textContent?.trim() ?? '')),
    )) as [string, string][];
  await rows.first().waitFor();
  const all = new Map(await told());
  expect(all.get('Size')).toBe('25.6 MB');
  expect(all.get('Parameters')).toBe('6,134,978');
  expect(all.get('Form')).toBe('PyTorch (.pth)');
  expect(all.get('Layers')).toBe('30');
  expect(all.get('Entries of the vocabulary')).toBe('256');
  expect(all.get('another')).toBe('1');
  expect(await violations(page)).toEqual([]);
});

test('a fresh browser shows the voice that was changed last, and works on it', async () => {
  const voice = page.getByRole('combobox', { name: t.voice.label }).first();
  await expect.poll(() => voice.inputValue()).toBe('ada');
  await page.getByRole('link', { name: t.pages.train }).click();
  await expect.poll(() => page.url()).toContain('#/train/ada');
});

test('a vocabulary is made of the chosen voice, and may replace another', async () => {
  mock.voices.unshift({ ...mock.voices[0]!, name: 'aaron', changed: 1 });
  await page.goto(`${url}/#/prepare/ada`);
  await page.reload();
  await page.getByRole('heading', { name: t.pages.prepare, level: 1 }).waitFor();
  await page.goto(`${url}/#/tokenizer`);
  const panel = page.locator('section', { has: page.getByRole('heading', { name: t.tokenizer.make }) });
  expect(await panel.getByLabel(t.voice.label).inputValue()).toBe('ada');
  mock.failure = taken;
  await panel.getByRole('button', { name: t.tokenizer.makeNow }).click();
  await panel.getByRole('alert').getByText(taken.what).waitFor();
  expect(await page.locator('.toast').count()).toBe(0);
  mock.failure = null;
  await panel.getByLabel(t.models.overwrite).check();
  await panel.getByLabel(t.tokenizer.name, { exact: true }).fill('mine');
  await panel.getByRole('button', { name: t.tokenizer.makeNow }).click();
  await expect
    .poll(() => mock.asked)
    .toEqual({ action: 'tokenizer', voice: 'ada', size: 255, to: 'mine', overwrite: true });
  expect(await violations(page)).toEqual([]);
});
