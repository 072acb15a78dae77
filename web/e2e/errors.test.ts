// What a user can do wrong, and what can go wrong around him: the page says what it was and what to do, with the words of
// the real program.
import { appendFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Locator, Page } from 'playwright-core';
import { launch, open } from './browser';
import { Front } from './front';
import { discard, present, Program, trainedWorkspace } from './program';

const patient = { timeout: 90_000 };
const wait = { timeout: 30_000 };

describe.skipIf(!present)('errors', () => {
  let browser: Browser;
  let folder: string;
  let program: Program;
  let front: Front;
  let url: string;
  let page: Page;
  let problems: string[];
  let close: () => Promise<void>;

  beforeAll(async () => {
    folder = trainedWorkspace();
    program = await Program.start(folder, '--port', '0');
    front = new Front(program.address);
    url = await front.start();
    browser = await launch();
    ({ page, problems, close } = await open(browser, url));
    await page.waitForURL(/#\/prepare\/./); // the page has chosen a voice: no address is under way
  }, 180_000);
  afterEach(() => expect(problems).toEqual([]));
  afterAll(async () => {
    await close?.();
    await browser?.close();
    await front?.stop();
    await program?.kill('SIGTERM');
    if (folder) discard(folder);
  });

  const file = (name: string) => join(folder, 'training/ada', name);
  async function visit(place: string): Promise<void> {
    await page.goto(`${url}/#/${place}`);
    await page.reload();
  }
  /** A note or a message at the edge: what it was, and below it what to do. */
  async function says(what: string | RegExp, where: Locator | Page = page): Promise<void> {
    const note = where.locator('[role=alert], .toast').filter({ hasText: what }).first();
    await note.waitFor(wait);
    const text = await note.innerText();
    expect(text.replace(what, '').replace(/[^a-z]/gi, '').length, text).toBeGreaterThan(8);
  }
  const send = (path: string, method: string, body: unknown) =>
    fetch(`${program.address}/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });

  test('names: of a voice that is there, of a model that cannot be one or is there', patient, async () => {
    await visit('train/ada');
    await page.getByRole('button', { name: 'New voice' }).click();
    await page.getByLabel('Name of the voice').fill('bob');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await says('there is a voice "bob" already', page.getByRole('dialog'));
    await page.keyboard.press('Escape');

    const use = page.getByRole('button', { name: /^Use the model of iteration/ }).first();
    await use.click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name in models/finetunes').fill('a/b');
    await dialog.getByRole('button', { name: 'Use this model' }).click();
    await says('"a/b" cannot be', dialog);
    await dialog.getByLabel('Name in models/finetunes').fill('kept');
    await dialog.getByRole('button', { name: 'Use this model' }).click();
    await dialog.waitFor({ state: 'detached', ...wait });
    await use.click();
    await dialog.getByLabel('Name in models/finetunes').fill('kept');
    await dialog.getByRole('button', { name: 'Use this model' }).click();
    await says('there is a model kept already', dialog);
    await dialog.getByRole('button', { name: 'Replace it' }).click();
    await dialog.waitFor({ state: 'detached', ...wait });
  });

  test(
    'a training that is complete says so, and goes on when more epochs are asked for',
    patient,
    async () => {
      await visit('train/ada');
      const epochs = page.getByLabel('up to epoch');
      await expect.poll(() => epochs.inputValue(), wait).toBe('12'); // twice the six that are done
      await epochs.fill('many');
      await page.getByRole('alert').getByText('A whole number is wanted.').waitFor();
      await epochs.fill('6');
      await page.getByRole('button', { name: 'Resume', exact: true }).click();
      await says('this training is complete');
      await epochs.fill('8');
      await page.getByRole('button', { name: 'Resume', exact: true }).click();
      await page
        .locator('dl div', { hasText: 'Epoch' })
        .getByText(/^8( |$)/)
        .first()
        .waitFor(wait);
      await page.getByText('done', { exact: true }).first().waitFor(wait);
    },
  );

  test(
    'a base model that is missing: the training fails with the reason, also on other pages',
    patient,
    async () => {
      const model = join(folder, 'models/tortoise/random-nano.pth');
      renameSync(model, `${model}.away`);
      await visit('train/bob');
      await page.getByRole('button', { name: 'Train', exact: true }).click();
      await page.goto(`${url}/#/tokenizer`);
      await says('random-nano.pth');
      await page.goto(`${url}/#/train/bob`);
      await says('random-nano.pth', page.locator('main'));
      await page.getByText('failed', { exact: true }).first().waitFor();
      await page.getByText('Ended').click();
      renameSync(`${model}.away`, model);
      await page.getByRole('button', { name: 'train bob: once more' }).click();
      await page.getByText('Next checkpoint').waitFor(wait);
      await page.locator('main header').getByRole('button', { name: 'Stop', exact: true }).click();
      await page.getByText('stopped', { exact: true }).first().waitFor(wait);
    },
  );

  test('what is wrong with a setting is told beside it, also of files that it names', patient, async () => {
    await visit('configure/bob');
    const below = (label: string) => page.locator('.field', { has: page.getByLabel(label, { exact: true }) });
    const model = page.getByRole('combobox', { name: 'Source model' });
    const before = await model.inputValue();
    await model.fill('./models/tortoise/none.pth');
    await model.press('Tab');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await below('Source model')
      .getByText(/there is no autoregressive model .*none\.pth/)
      .waitFor(wait);
    await model.fill(before);
    await model.press('Tab');
    await below('Source model').getByText('none.pth').waitFor({ state: 'detached' });
    const sentences = page.getByLabel('Sample sentences', { exact: true });
    await sentences.fill('word '.repeat(80));
    await sentences.press('Tab');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await below('Sample sentences').getByText('at most 200 can be spoken').waitFor(wait);
    await page.getByRole('button', { name: 'Revert', exact: true }).click();
    await below('Sample sentences').getByText('at most 200 can be spoken').waitFor({ state: 'detached' });
  });

  test('a checkpoint that is gone when it is wanted', patient, async () => {
    await visit('train/ada');
    await page
      .getByRole('button', { name: /^Use the model of iteration/ })
      .last()
      .click();
    const name = await page.getByLabel('Name in models/finetunes').inputValue();
    rmSync(file(`finetune/models/${name.replace('ada_', '')}_gpt.pth`));
    await page.getByRole('dialog').getByRole('button', { name: 'Use this model' }).click();
    await says('there is no checkpoint', page.getByRole('dialog'));
    await page.keyboard.press('Escape');
  });

  test(
    'a train.yaml that an editor broke is named with its line, and is not overwritten unseen',
    patient,
    async () => {
      const yaml = readFileSync(file('train.yaml'), 'utf8');
      await visit('configure/ada');
      await page.getByRole('button', { name: 'YAML' }).click();
      const area = page.getByRole('textbox', { name: 'train.yaml' });
      await area.waitFor();
      await area.fill(`${yaml}# mine\n`);
      appendFileSync(file('train.yaml'), '# of an editor\n');
      await page.getByRole('button', { name: 'Save', exact: true }).click();
      await says(/changed/);
      expect(readFileSync(file('train.yaml'), 'utf8')).toContain('# of an editor');
      writeFileSync(file('train.yaml'), yaml.replace(/niter: \d+/, 'niter: many'));
      await visit('train/ada');
      await says(/train\.yaml, line \d+/);
      writeFileSync(file('train.yaml'), yaml);
      await page
        .locator('[role=alert]')
        .filter({ hasText: 'train.yaml' })
        .first()
        .waitFor({ state: 'detached', ...wait });
    },
  );

  test('a whisper.json that is damaged is named', patient, async () => {
    const whisper = readFileSync(file('whisper.json'));
    writeFileSync(file('whisper.json'), '{"a.wav": ');
    await visit('curate/ada');
    await page
      .getByText(/whisper\.json/)
      .first()
      .waitFor(wait);
    writeFileSync(file('whisper.json'), whisper);
    await page.waitForSelector('.segment', wait);
  });

  test(
    'what is no sound is refused, and what only says it is one is told when it is heard',
    patient,
    async () => {
      await visit('prepare/bob');
      const choose = page.locator('input[type=file][multiple]');
      await choose.setInputFiles({ name: 'notes.docx', mimeType: 'x/y', buffer: Buffer.from('no sound') });
      await says('notes.docx', page.locator('main'));
      await choose.setInputFiles({ name: 'noise.wav', mimeType: 'audio/wav', buffer: Buffer.from('RIFFno') });
      await page.locator('.recordings li', { hasText: 'noise.wav' }).waitFor(wait);
      await page.getByRole('button', { name: 'Transcribe', exact: true }).click();
      await page
        .getByText(/noise\.wav/)
        .nth(1)
        .waitFor(wait);
    },
  );

  test('two at once on one voice', patient, async () => {
    await visit('prepare/bob');
    await page.getByRole('button', { name: 'Prepare', exact: true }).waitFor();
    // Another tab was quicker than this one knows.
    await page.route('**/api/jobs', async (route) => {
      if (route.request().method() === 'POST')
        await send('api/jobs', 'POST', {
          action: 'prepare',
          voice: 'bob',
          settings: { overwrite_corrections: true },
        });
      await route.continue();
    });
    await page.getByRole('button', { name: 'Prepare', exact: true }).click();
    await says('works on bob already');
    await page.unroute('**/api/jobs');
  });

  test('things that are not there', patient, async () => {
    await page.goto(`${url}/#/train/nobody`);
    await page.getByText('There is no voice “nobody”').waitFor();
    await page.goto(`${url}/#/nowhere/at/all`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await page.goto(`${url}/#/settings`);
    await page.getByLabel('Folder', { exact: true }).fill('/there/is/no/such/folder');
    await page.getByRole('button', { name: 'Import', exact: true }).click();
    await says('/there/is/no/such/folder');
  });

  test('a server that does not answer, or whose proxy answers for it', patient, async () => {
    await visit('train/bob');
    await page.getByRole('button', { name: 'Resume', exact: true }).waitFor();
    await page.route('**/api/jobs', (route) =>
      route.request().method() === 'POST' ? route.abort() : route.continue(),
    );
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await says('The server does not answer.');
    await page.unroute('**/api/jobs');
    await page.route('**/api/jobs', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' })
        : route.continue(),
    );
    await page.getByRole('button', { name: 'Resume', exact: true }).click();
    await says('The server answered with an error (502).');
    await page.unroute('**/api/jobs');
  });

  test('too much at once', patient, async () => {
    await visit('configure/ada');
    await page.getByRole('button', { name: 'YAML' }).click();
    const area = page.getByRole('textbox', { name: 'train.yaml' });
    await area.waitFor();
    await area.evaluate((box: HTMLTextAreaElement) => {
      box.value = `${box.value}\n# ${'x'.repeat(9_000_000)}`;
      box.dispatchEvent(new Event('input', { bubbles: true }));
    });
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await says(/large|long|MiB|8/);
    await page.getByRole('button', { name: 'Revert' }).click();
  });

  test('a wrong token', patient, async () => {
    const other = await Program.start(folder, '--port', '0', '--token', 'open sesame, please');
    const { page: guest, close: leave } = await open(browser, `${other.address}/`);
    await guest.waitForURL(/\/login/);
    await guest.locator('input[name=token]').fill('open, barley');
    await guest.keyboard.press('Enter');
    await guest.getByText('this is not the token').waitFor();
    await leave();
    await other.kill('SIGTERM');
  });
});
