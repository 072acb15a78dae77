// The whole way with the real program: recordings go up, are prepared, curated, trained on and listened to; the
// server is killed on the way.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { violations } from './axe';
import { launch, open } from './browser';
import { discard, present, Program, sentences, workspace } from './program';

const patient = { timeout: 240_000 };
const wait = { timeout: 180_000 };

describe.skipIf(!present)('the studio', () => {
  let browser: Browser;
  let folder: string;
  let program: Program;
  let page: Page;
  let problems: string[];
  let close: () => Promise<void>;

  beforeAll(async () => {
    browser = await launch();
    folder = workspace();
    program = await Program.start(folder, '--port', '0');
    ({ page, problems, close } = await open(browser, `${program.address}/`));
  });
  afterAll(async () => {
    await close?.();
    await browser?.close();
    await program?.kill('SIGTERM');
    if (folder) discard(folder);
  });

  const visit = (place: string) => page.goto(`${program.address}/#/${place}`);
  const whisper = () =>
    JSON.parse(readFileSync(join(folder, 'training/ada/whisper.json'), 'utf8')) as Record<
      string,
      { segments: { text: string }[] }
    >;
  const ask = <T>(method: string, path: string, body?: unknown) =>
    page.evaluate(
      async ([method, path, body]) => {
        const answer = await fetch(path as string, {
          method: method as string,
          ...(body ? { body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } } : {}),
        });
        return (await answer.json()) as unknown;
      },
      [method, path, body] as const,
    ) as Promise<T>;

  test('is there in half a second, with nothing to complain about', async () => {
    const begun = Date.now();
    const other = await Program.start(folder, '--port', '0');
    expect(Date.now() - begun).toBeLessThan(2000); // started from cold caches on a shared machine; alone: under 500
    await other.kill('SIGTERM');
    await page.getByText('Begin with a voice').waitFor();
    expect(await violations(page)).toEqual([]);
    const paint = await page.evaluate(
      () => performance.getEntriesByName('first-contentful-paint')[0]!.startTime,
    );
    expect(paint).toBeLessThan(400);
    expect(problems).toEqual([]);
  });

  test('a voice is made and gets its recordings', patient, async () => {
    await page.getByRole('button', { name: 'New voice' }).first().click();
    await page.getByLabel('Name of the voice').fill('ada');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByText('Drop recordings or folders here').waitFor();
    await page.locator('ol.steps').waitFor();
    expect(await page.locator('main [role=alert]').count()).toBe(0); // no dataset yet is no mistake
    await page.locator('input[type=file][multiple]').setInputFiles(sentences(24));
    await page.getByText('24 recordings').waitFor(wait);
    await page.locator('.recordings button[aria-label^="Play"]').first().click();
    await page.locator('.recordings button[aria-label^="Stop"]').first().waitFor();
    expect(problems).toEqual([]);
  });

  test('it is prepared', patient, async () => {
    for (const [label, value] of [
      ['Language', 'en'],
      ['Whisper model', 'tiny.en'],
    ] as const) {
      await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByLabel(label, { exact: true }).press('Enter');
    }
    await page.getByRole('button', { name: 'Prepare', exact: true }).click();
    await page.getByText(/prepare.*: done/i).waitFor(wait);
    await page.getByRole('heading', { name: 'Dataset' }).waitFor();
    await page.getByText('Lines to train on', { exact: true }).waitFor();
    await page.getByRole('heading', { name: 'Rejected and doubtful' }).waitFor();
    expect(existsSync(join(folder, 'training/ada/train.txt'))).toBe(true);
    expect(await violations(page)).toEqual([]);
  });

  test('it is curated; what an editor did is neither lost nor overwritten', patient, async () => {
    await visit('curate/ada');
    await page.waitForSelector('.segment.selected');
    await page.waitForSelector('canvas.main', wait);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Corrected in the page.');
    await page.keyboard.press('Enter');
    await expect.poll(() => JSON.stringify(whisper()), wait).toContain('Corrected in the page.');
    await page.keyboard.press('Control+z');
    await expect.poll(() => JSON.stringify(whisper()), wait).not.toContain('Corrected in the page.');

    // An editor writes while a text is being typed.
    await page.waitForTimeout(1500);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('Typed meanwhile.');
    const path = join(folder, 'training/ada/whisper.json');
    const selected = await page.locator('.segment.selected .pick').getAttribute('aria-label');
    const recording = /Select (.*), segment/.exec(selected!)![1]!;
    const all = whisper();
    all[recording]!.segments[0]!.text = ' Written by an editor.';
    writeFileSync(path, JSON.stringify(all, null, '\t'));
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'It was changed meanwhile' });
    await dialog.waitFor(wait);
    await dialog.getByRole('button', { name: 'Leave it as it is now' }).click();
    await page.locator('.segment.selected').getByText('Written by an editor.').waitFor(wait);
    expect(JSON.stringify(whisper())).not.toContain('Typed meanwhile.');
    await page.keyboard.press('a');
    await page.getByText('1 accepted').waitFor(wait);
    expect(problems).toEqual([]);
  });

  test('it is configured', patient, async () => {
    await visit('models');
    await page.getByRole('button', { name: 'Make a random model' }).click();
    await page.getByRole('button', { name: 'Make it' }).click();
    await page.getByText('init nano: done').waitFor(wait);
    await page.getByText('random-nano_dvae', { exact: true }).waitFor(wait);
    await visit('configure/ada');
    const fill = async (label: string, value: string) => {
      await page.getByLabel(label, { exact: true }).fill(value);
      await page.getByLabel(label, { exact: true }).press('Enter');
    };
    await page.getByRole('heading', { name: 'Settings' }).waitFor();
    await page.getByText(/Advanced/).click();
    await fill('Epochs', '60');
    await fill('Batch size', '8');
    await fill('Gradient accumulation size', '1');
    await fill('Save frequency', '40');
    await fill('Validation frequency', '40');
    for (const [label, file] of [
      ['Source model', 'random-nano.pth'],
      ['DVAE model', 'random-nano_dvae.pth'],
    ] as const) {
      await page.getByRole('combobox', { name: label }).focus();
      await page.keyboard.press('ArrowDown');
      await page.locator('li[role=option]', { hasText: file }).click();
    }
    await page.getByText('from save to save').waitFor(wait);
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByRole('heading', { name: 'Plan' }).waitFor(wait);
    await page.getByRole('button', { name: 'YAML' }).click();
    const area = page.getByRole('textbox', { name: 'train.yaml' });
    await expect.poll(() => area.inputValue(), wait).toMatch(/niter: \d+/); // it was read
    const yaml = await area.inputValue();
    await area.fill(yaml.replace(/niter: \d+/, 'niter: many'));
    await page.locator('.gutter .wrong').waitFor(wait);
    await page.getByRole('button', { name: 'Revert' }).click();
    expect(await violations(page)).toEqual([]);
    expect(problems).toEqual([]);
  });

  test('it is trained, while the server is killed and started again', patient, async () => {
    const second = await page.context().newPage();
    await visit('train/ada');
    await second.goto(page.url());
    await page.getByRole('button', { name: 'Train', exact: true }).click();
    await page.getByText('Next checkpoint').waitFor(wait);
    const { port } = program;
    await program.kill();
    await page.getByText('No connection').filter({ visible: true }).waitFor(wait);
    program = await Program.start(folder, '--port', port);
    for (const each of [page, second])
      await each.getByText('Connected').filter({ visible: true }).waitFor({ timeout: 5000 });
    await page
      .locator('section', { hasText: 'Progress' })
      .getByText('done', { exact: true })
      .first()
      .waitFor(wait);
    await second
      .locator('section', { hasText: 'Progress' })
      .getByText('done', { exact: true })
      .first()
      .waitFor(wait);

    // What both pages show of it is all there is, once.
    const lines = async (each: Page) =>
      (await each.locator('.console p').allInnerTexts()).map((line) => line.replace(/^\S+( \S+:\S+)? /, ''));
    let others: string[] = [];
    await expect
      .poll(async () => {
        others = await lines(second);
        return others.length && (await lines(page)).length - others.length;
      }, wait)
      .toBe(0);
    expect(others).not.toEqual([]);
    expect(await lines(page)).toEqual(others);
    const told = await ask<{ steps: { it: number[] } }>('GET', 'api/runs/ada/finetune/metrics?points=0');
    expect(told.steps.it).toEqual(told.steps.it.map((_, i) => i + 1));
    await page.getByRole('application', { name: 'Loss, graph' }).waitFor();
    expect(await violations(page)).toEqual([]);
    await second.close();
    expect(problems).toEqual([]);
  });

  test('it is listened to, and a model is kept', patient, async () => {
    const samples = await ask<{ file: string }[]>('GET', 'api/runs/ada/finetune/samples');
    if (samples.length) {
      await page.locator('button[aria-label^="Play iteration"]').first().click();
      await page.locator('button[aria-label^="Stop iteration"]').first().waitFor();
    }
    await page
      .getByRole('button', { name: /^Use the model of iteration/ })
      .first()
      .click();
    await page.getByLabel('Name in models/finetunes').fill('ada-kept');
    await page.getByRole('dialog').getByRole('button', { name: 'Use this model' }).click();
    await page.getByText(/ada-kept.* now\./).waitFor(wait);
    expect(existsSync(join(folder, 'models/finetunes/ada-kept.pth'))).toBe(true);
    await visit('models');
    await page.getByText('ada-kept').first().waitFor();
    await visit('tokenizer');
    await page.getByRole('heading', { name: 'Coverage of a dataset' }).waitFor();
    await page.locator('.token').first().waitFor();
    await visit('settings');
    await page.getByText('Workspace').waitFor();
    expect(problems).toEqual([]);
  });

  test('errors that a user can cause say what to do', patient, async () => {
    await visit('prepare/ada');
    await page.getByRole('button', { name: 'New voice' }).click();
    await page.getByLabel('Name of the voice').fill('a/b');
    await page.getByRole('button', { name: 'Create', exact: true }).click();
    await page.getByRole('dialog').getByRole('alert').waitFor();
    await page.keyboard.press('Escape');
    await page
      .locator('input[type=file][multiple]')
      .setInputFiles({ name: 'notes.docx', mimeType: 'application/msword', buffer: Buffer.from('no sound') });
    await page.locator('main [role=alert]').first().waitFor(wait);
    await page.getByLabel('Slice start offset').fill('99');
    await page.getByLabel('Slice start offset').press('Enter');
    await page.getByText('At most 60 s.').waitFor();
    await visit('train/nobody');
    await page.getByText('There is no voice “nobody”').waitFor();
    expect(problems).toEqual([]);
  });

  test('below a base path, with a token', patient, async () => {
    const other = await Program.start(
      folder,
      '--port',
      '0',
      '--base-path',
      '/studio/',
      '--token',
      'open sesame, please',
    );
    const { page: guest, problems: said, close: leave } = await open(browser, `${other.address}/`);
    await guest.waitForURL(/\/studio\/login/);
    await guest.locator('input[name=token]').fill('open sesame, please');
    await guest.keyboard.press('Enter');
    await guest.getByRole('heading', { name: 'Prepare' }).waitFor(wait);
    await guest.getByText('Connected').filter({ visible: true }).waitFor();
    expect(said).toEqual([]);
    await leave();
    await other.kill('SIGTERM');
  });
});
