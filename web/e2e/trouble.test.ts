// What goes wrong around a user, with the real program: a full disk, a job that holds the voice, what an editor or another
// program did to the files, a server that was renewed. Each is told, with what to do next, and what was typed stays.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open } from './browser';
import { discard, present, Program, sentences, trainedWorkspace } from './program';

const patient = { timeout: 60_000 };
const wait = { timeout: 20_000 };

describe.skipIf(!present)('trouble', () => {
  let browser: Browser;
  let folder: string;
  let program: Program;
  let page: Page;
  let problems: string[];
  let close: () => Promise<void>;
  let small = ''; // a disk of its own, where one can be made

  beforeAll(async () => {
    folder = trainedWorkspace();
    program = await Program.start(folder, '--port', '0');
    browser = await launch();
    ({ page, problems, close } = await open(browser, program.address));
    await page.waitForURL(/#\/prepare\/./);
  }, 180_000);
  afterEach(() => expect(problems).toEqual([]));
  afterAll(async () => {
    await close?.();
    await browser?.close();
    await program?.kill('SIGTERM');
    if (small) spawnSync('umount', ['-l', small]);
    if (folder) discard(folder);
  });

  const file = (voice: string, name: string) => join(folder, 'training', voice, name);
  async function visit(place: string): Promise<void> {
    await page.goto(`${program.address}/#/${place}`);
    await page.reload();
  }
  const says = async (what: string | RegExp, hint: string | RegExp) => {
    const note = page.locator('[role=alert], .toast').filter({ hasText: what }).first();
    await note.waitFor(wait);
    expect(await note.innerText()).toMatch(hint);
  };
  const epochs = () => page.getByLabel('Epochs', { exact: true });
  async function type(count: string): Promise<void> {
    await epochs().fill(count);
    await epochs().press('Enter');
  }
  const save = () => page.getByRole('button', { name: 'Save', exact: true }).click();
  async function edit(voice: string, text: string): Promise<void> {
    await visit(`curate/${voice}`);
    await page.waitForSelector('.segment.selected', wait);
    await page.keyboard.press('Enter');
    await page.locator('.segment.selected textarea:focus').waitFor(wait);
    await page.keyboard.press('Control+A');
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
  }
  const whisperOf = (voice: string) => readFileSync(file(voice, 'whisper.json'), 'utf8');

  /** A voice whose training folder lies on a disk of 24 MB; false where none can be made. */
  function onSmallDisk(voice: string): boolean {
    const place = file(voice, '');
    mkdirSync(place, { recursive: true });
    if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', place]).status !== 0) return false;
    small = place;
    for (const name of ['whisper.json', 'train.txt', 'validation.txt', 'train.yaml', 'audio'])
      cpSync(file('bob', name), file(voice, name), { recursive: true });
    cpSync(join(folder, 'voices/bob'), join(folder, 'voices', voice), { recursive: true });
    return true;
  }
  function fill(path: string): void {
    const filler = openSync(path, 'w');
    for (const size of [65536, 4096, 1])
      try {
        for (;;) writeSync(filler, Buffer.alloc(size));
      } catch {
        // full, but for less than that
      }
    closeSync(filler);
  }

  test(
    'a full disk: a save says so, nothing is lost, and it goes on when there is room',
    patient,
    async (at) => {
      if (!onSmallDisk('cy')) return at.skip('no disk of its own can be made here: mount is not allowed');
      await visit('configure/cy');
      await epochs().waitFor(wait);
      const yaml = readFileSync(file('cy', 'train.yaml'), 'utf8').replaceAll('/bob/', '/cy/');
      writeFileSync(file('cy', 'train.yaml'), yaml.replace(/^name: .*/m, 'name: cy'));
      await page.reload();
      await epochs().waitFor(wait);
      fill(file('cy', 'filler'));
      const [answer] = await Promise.all([
        page.waitForResponse(
          (each) => each.request().method() === 'PUT' && /configuration$/.test(each.url()),
        ),
        type('77').then(save),
      ]);
      expect(answer.status()).toBe(507);
      await says('No space left on device', 'Free some disk space');
      expect(await epochs().inputValue()).toBe('77');

      const before = whisperOf('cy');
      await edit('cy', 'Another text altogether.');
      await says('No space left on device', 'Free some disk space');
      expect(whisperOf('cy')).toBe(before);

      rmSync(file('cy', 'filler'));
      await visit('configure/cy');
      await page.getByText('1 change not saved').waitFor(wait); // what was typed is still there
      await save();
      await page.getByText('Saved.').waitFor(wait);
      expect(readFileSync(file('cy', 'train.yaml'), 'utf8')).toContain('epochs: 77');
    },
  );

  test('a job holds the voice: edits and settings wait for it, and are saved after it', patient, async () => {
    const holder: ChildProcess = spawn('flock', [file('bob', ''), 'sleep', '60']);
    await new Promise((done) => setTimeout(done, 300));
    await visit('configure/bob');
    await type('88');
    await save();
    await says('another job is working in', /Wait for it to end, or stop it/);
    const before = whisperOf('bob');
    await edit('bob', 'Said while it was held.');
    await says('another job is working in', /Wait for the job to end, or stop it/);
    expect(whisperOf('bob')).toBe(before);
    spawnSync('pkill', ['-P', String(holder.pid)]);
    holder.kill();
    // What waited is saved by itself.
    await expect.poll(() => whisperOf('bob'), wait).toContain('Said while it was held.');
    await edit('bob', 'Said when it was free.');
    await expect.poll(() => whisperOf('bob'), wait).toContain('Said when it was free.');
    await visit('configure/bob');
    await save();
    await page.getByText('Saved.').waitFor(wait);
  });

  test(
    'a train.yaml that was damaged by hand: its line is named at Configure, and mended there',
    patient,
    async () => {
      const yaml = readFileSync(file('bob', 'train.yaml'), 'utf8');
      const line = yaml.split('\n').findIndex((each) => /niter:/.test(each)) + 1;
      writeFileSync(file('bob', 'train.yaml'), yaml.replace(/niter: \d+/, 'niter: many'));
      await visit('configure/bob');
      await says(`train.yaml, line ${line}: train.niter must be a whole number`, 'Correct it');
      await page.getByRole('button', { name: 'YAML', exact: true }).click();
      const area = page.getByRole('textbox', { name: 'train.yaml' });
      await expect.poll(() => area.inputValue(), wait).toContain('niter: many');
      await area.fill(yaml.replace(/niter: \d+/, 'niter: more'));
      await page.getByRole('button', { name: `Go to line ${line}` }).click();
      await area.fill(yaml);
      await save();
      await page.getByText('Saved.').waitFor(wait);
      await page.getByRole('button', { name: 'Form' }).click();
      await page
        .getByRole('alert')
        .filter({ hasText: 'train.yaml' })
        .first()
        .waitFor({ state: 'detached', ...wait });
      // YAML that is none at all is named, too.
      writeFileSync(file('bob', 'train.yaml'), 'name: [\n');
      await says(/train\.yaml, line \d+, column \d+: not valid YAML/, 'Correct that place');
      writeFileSync(file('bob', 'train.yaml'), yaml);
    },
  );

  test('a voice whose folders vanished is told of on every page of it', patient, async () => {
    mkdirSync(join(folder, 'voices/dora'), { recursive: true });
    for (const each of sentences(2)) cpSync(each, join(folder, 'voices/dora', each.split('/').pop()!));
    for (const place of ['prepare', 'configure', 'curate', 'train']) {
      cpSync(file('ada', 'whisper.json'), file('dora', 'whisper.json'));
      await visit(`${place}/dora`);
      await page.getByRole('heading', { level: 1 }).waitFor(wait);
      await page.getByText('There is no voice “dora”').waitFor({ state: 'detached', ...wait });
      rmSync(file('dora', ''), { recursive: true });
      rmSync(join(folder, 'voices/dora'), { recursive: true });
      await page.getByText('There is no voice “dora”').waitFor(wait);
      mkdirSync(join(folder, 'voices/dora'), { recursive: true });
      await page.getByText('There is no voice “dora”').waitFor({ state: 'detached', ...wait });
    }
  });

  test(
    'the server was renewed while a page is open: it says so, and what was typed stays',
    patient,
    async () => {
      await visit('configure/ada');
      await type('99');
      await page.route('**/api/state', async (route) => {
        const answer = await route.fetch();
        await route.fulfill({ json: { ...((await answer.json()) as object), version: '9.0.0', page: 'x' } });
      });
      await page.getByRole('button', { name: 'Reconnect' }).first().click();
      await page.getByText('it is version 9.0.0 now').waitFor(wait);
      await page.unroute('**/api/state');
      await page.getByRole('button', { name: 'Load the new page' }).click();
      await expect.poll(() => epochs().inputValue(), wait).toBe('99');
      expect(await page.getByText('it is version 9.0.0 now').count()).toBe(0);
      await page.getByRole('button', { name: 'Revert' }).click();
    },
  );

  test('settings of a file of the original web UI', patient, async () => {
    await visit('configure/ada');
    await epochs().waitFor(wait);
    const yaml = readFileSync(file('ada', 'train.yaml'), 'utf8');
    const theirs = yaml.slice(0, yaml.indexOf('\ntestudo:') + 1).replace(/niter: \d+/, 'niter: 40');
    const choose = page.locator('input[type=file][accept*=yaml]');
    const given = (text: string) => ({ name: 'their.yaml', mimeType: 'x/y', buffer: Buffer.from(text) });
    await choose.setInputFiles(given(`${theirs}wandb: true\n`));
    await page.getByText(/^iterations became epochs by the \d+ lines/).waitFor(wait);
    await page.getByText(/^Not taken: line \d+, wandb is not known/).waitFor(wait);
    expect(readFileSync(file('ada', 'train.yaml'), 'utf8')).toBe(yaml);
    await choose.setInputFiles(given(theirs.replace(/batch_size: \d+/, 'batch_size: lots')));
    await says(/their\.yaml, line \d+: datasets\.train\.batch_size/, 'Correct it');
    await save();
    await page.getByText('Saved.').waitFor(wait);
    expect(readFileSync(file('ada', 'train.yaml'), 'utf8')).toMatch(/\n {2}epochs: 10\n/); // four iterations an epoch;
  });

  test('all voices of the workspace go through the queue', { timeout: 120_000 }, async () => {
    for (const each of sentences(1)) cpSync(each, join(folder, 'voices/dora', each.split('/').pop()!));
    await fetch(`${program.address}/api/voices/dora/dataset-settings`, {
      method: 'PUT',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ language: 'en', whisper_model: 'tiny.en' }),
    });
    await visit('prepare/dora');
    await page.getByRole('button', { name: 'All voices' }).click();
    const dialog = page.getByRole('dialog', { name: 'All voices' });
    await expect
      .poll(
        () =>
          dialog
            .getByRole('checkbox', { name: /^dora/ })
            .isChecked()
            .catch(() => false),
        wait,
      )
      .toBe(true);
    expect(await dialog.getByRole('checkbox', { name: /^ada/ }).isChecked()).toBe(false);
    await dialog.getByRole('button', { name: 'Add to the queue' }).click();
    await page.getByText('1 job added to the queue.').waitFor(wait);
    await expect.poll(() => existsSync(file('dora', 'train.txt')), { timeout: 90_000 }).toBe(true);
  });
});
