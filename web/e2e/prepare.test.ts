// All voices at once, settings out of a file, changes that outlive a reload; with the stand-in server.
import { beforeEach, expect, test } from 'vitest';
import { violations } from './axe';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);
const epochs = () => page.getByLabel('Epochs', { exact: true });

test('all voices: those that have everything are left out, and what is chosen goes to the queue', async () => {
  mock.voices.push(
    { name: 'cy', recordings: 2, bytes: 1, transcribed: true },
    { name: 'dora', recordings: 4, bytes: 1 },
    { name: 'empty', recordings: 0, bytes: 0 },
  );
  await goTo('prepare/ada');
  await page.reload();
  await page.getByRole('button', { name: 'All voices' }).click();
  const dialog = page.getByRole('dialog', { name: 'All voices' });
  const tick = (name: string) => dialog.getByRole('checkbox', { name: new RegExp(`^${name}`) });
  expect(await tick('ada').isChecked()).toBe(false);
  expect(await tick('cy').isChecked()).toBe(true);
  expect(await tick('dora').isChecked()).toBe(true);
  expect(await tick('empty').isDisabled()).toBe(true);
  await dialog.getByText('done already; tick it to do it anew').first().waitFor();
  expect(await violations(page)).toEqual([]);

  // By keys alone: steps instead of all of it, without one of the voices.
  await dialog.getByRole('radio', { name: 'Prepare: all of it' }).focus();
  await page.keyboard.press('ArrowDown');
  await dialog.getByRole('checkbox', { name: 'Create lists', exact: true }).focus();
  await page.keyboard.press('Space');
  await tick('ada').focus();
  await page.keyboard.press('Space');
  await tick('dora').uncheck();
  await dialog.getByText('Slice audio').nth(1).waitFor();
  await dialog.getByRole('status').getByText('2 voices, 3 jobs').waitFor();
  await dialog.getByRole('button', { name: 'Add to the queue' }).click();
  await dialog.waitFor({ state: 'detached' });
  expect(mock.jobs.map((job) => `${job.action} ${job.voice} ${job.state}`).reverse()).toEqual([
    'transcribe ada waiting',
    'slice ada waiting',
    'slice cy waiting',
  ]);
  await page.getByText('3 jobs added to the queue.').waitFor();
  // Those that wait are not queued once more.
  await page.getByRole('button', { name: 'All voices' }).click();
  await dialog.getByText('is being worked on').nth(1).waitFor();
  expect(problems).toEqual([]);
});

test('settings out of a file: chosen or dropped, with what was not understood', async () => {
  await goTo('configure/ada');
  await epochs().waitFor();
  const choose = page.locator('input[type=file][accept*=yaml]');
  const file = (name: string, text: string) => ({
    name,
    mimeType: 'application/yaml',
    buffer: Buffer.from(text),
  });
  await choose.setInputFiles(file('their.yaml', 'name: x\ntrain:\n  niter: 100\n'));
  await expect.poll(() => epochs().inputValue()).toBe('88');
  await page.getByText('Settings of their.yaml.').waitFor();
  await page.getByText('Not taken: line 31, logger.wandb is not known').waitFor();
  await page.getByText('1 change not saved').waitFor();
  expect(mock.trainingSettings.epochs).not.toBe(88);
  expect(await violations(page)).toEqual([]);
  await page.getByRole('button', { name: 'Revert' }).click();
  await expect.poll(() => epochs().inputValue()).toBe(String(mock.trainingSettings.epochs));

  await choose.setInputFiles(file('wrong.yaml', 'train:\n  niter: many\n'));
  await page.getByRole('alert').getByText('wrong.yaml, line 2').waitFor();
  await choose.setInputFiles(file('film.yaml', 'x'.repeat(300_000)));
  await page.getByRole('alert').getByText('film.yaml is no training configuration').waitFor();

  const drag = (kind: string) =>
    page.evaluate((type) => {
      const data = new DataTransfer();
      data.items.add(new File(['name: x\n'], 'dropped.yaml'));
      document.body.dispatchEvent(
        new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }),
      );
    }, kind);
  await drag('dragover');
  await page.getByText('Drop a training YAML or train.json here').waitFor();
  await drag('drop');
  await page.getByText('Settings of dropped.yaml.').waitFor();
  expect(await page.getByText('Drop a training YAML').count()).toBe(0);
  expect(problems).toEqual([]);
});

test('what was changed and not saved outlives a reload, until it is saved or reverted', async () => {
  await goTo('configure/ada');
  await epochs().fill('61');
  await epochs().press('Enter');
  await page.getByText('1 change not saved').waitFor();
  await page.reload();
  await expect.poll(() => epochs().inputValue()).toBe('61');
  await page.getByText('1 change not saved').waitFor();
  await page.getByRole('button', { name: 'Revert' }).click();
  expect(await page.getByText('1 change not saved').count()).toBe(0);
  await page.reload();
  await epochs().waitFor();
  expect(await epochs().inputValue()).toBe(String(mock.trainingSettings.epochs));

  await page.getByRole('button', { name: 'YAML' }).click();
  const area = page.getByRole('textbox', { name: 'train.yaml' });
  await expect.poll(() => area.inputValue()).toBe(mock.yaml);
  await area.fill('name: ada\ntrain:\n  niter: many\n');
  await page.reload();
  await expect.poll(() => area.inputValue()).toContain('niter: many');
  await page.locator('.gutter .wrong').waitFor(); // and it is told again where it is wrong
  await page.getByRole('button', { name: 'Revert' }).click();
  await expect.poll(() => area.inputValue()).toBe(mock.yaml);
  await page.reload();
  await epochs().waitFor(); // the form, as nothing is unsaved
  // Of what somebody else wrote there is nothing to restore.
  await page.evaluate(() => sessionStorage.setItem(`testudo.draft.${location.pathname}.configure.ada`, '[1'));
  await page.reload();
  await epochs().waitFor();
  expect(problems).toEqual([]);
});

const focused = () =>
  page.evaluate(
    () => document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent?.trim(),
  );

test('the focus goes on to the next recording when one is deleted', async () => {
  for (const name of ['a.wav', 'b.wav']) mock.files.set(name, Buffer.alloc(9));
  await goTo('prepare/brand%20new');
  await page.getByRole('button', { name: 'Move a.wav to the trash' }).focus();
  for (const next of ['Move b.wav to the trash', 'Add files']) {
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe(next);
  }
  expect(problems).toEqual([]);
});

test('leaving is asked about while something is recorded, and until it is kept', async () => {
  await page.context().grantPermissions(['microphone']);
  await goTo('prepare/brand%20new');
  await page.getByRole('button', { name: 'Record', exact: true }).click();
  let asked = 0;
  page.on('dialog', (dialog) => {
    asked += Number(dialog.type() === 'beforeunload');
    void dialog.dismiss();
  });
  const leave = async () => {
    await page.evaluate(() => setTimeout(() => location.reload()));
    await page.waitForTimeout(200);
    return asked;
  };
  await page.getByRole('button', { name: 'Start', exact: true }).click();
  await page.getByRole('button', { name: 'Stop', exact: true }).waitFor();
  expect(await leave()).toBe(1);
  await page.getByRole('button', { name: 'Stop', exact: true }).click();
  expect(await leave()).toBe(2);
  await page.getByRole('button', { name: 'Discard' }).click();
  expect(await leave()).toBe(2);
  await page.getByRole('button', { name: 'Record', exact: true }).waitFor();
  expect(problems).toEqual([]);
});

test('a recording is made by keys alone', async () => {
  await page.context().grantPermissions(['microphone']);
  await goTo('prepare/brand%20new');
  const record = page.getByRole('button', { name: 'Record', exact: true });
  await record.focus();
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'Start', exact: true }).focus();
  for (const next of ['Stop', 'Keep', 'Start']) {
    await page.keyboard.press('Enter');
    await expect.poll(focused).toBe(next);
    await page.waitForTimeout(300);
  }
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect.poll(focused).toBe('Record');
  expect(problems).toEqual([]);
});

test('a recording or a clip that cannot be played says why', async () => {
  mock.files.set('damaged.wav', Buffer.alloc(1));
  mock.silent = ['talk_00003.wav'];
  await goTo('prepare/ada');
  await page.getByRole('button', { name: 'Play damaged.wav' }).click();
  const row = page.locator('.recordings li', { hasText: 'damaged.wav' });
  await row.getByRole('alert').getByText('This browser cannot play the file.').waitFor();
  await page.getByRole('button', { name: 'Play talk_00003.wav' }).click();
  await page.getByRole('alert').getByText('there is no clip talk_00003.wav Slice first.').waitFor();
  expect(await violations(page)).toEqual([]);
  expect(problems).toEqual([]);
});

test('an upload that cannot be written says so while it is tried again', async () => {
  mock.readOnly = true;
  await goTo('prepare/brand%20new');
  const add = (name: string) =>
    page
      .locator('input[type=file][multiple]')
      .setInputFiles({ name, mimeType: 'x/y', buffer: Buffer.alloc(9) });
  await add('a.wav');
  const list = page.getByRole('list', { name: 'Uploads' });
  const says = list
    .getByRole('alert')
    .getByText('cannot write voices/brand new: Permission denied Check who owns it.');
  await says.waitFor();
  await list.getByText('0 B / 9 B · 0 % · is tried again by itself').waitFor();
  expect(await violations(page)).toEqual([]);
  await page.waitForTimeout(3500); // the next try is seconds away
  mock.readOnly = false;
  await list.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => mock.files.has('a.wav'), { timeout: 1000 }).toBe(true);
  await says.waitFor({ state: 'detached' });

  mock.readOnly = true;
  await add('b.wav');
  await says.waitFor();
  await list.getByRole('button', { name: 'Cancel b.wav' }).click();
  await says.waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
});

test('a transcript that cannot be read is named', async () => {
  const problem = {
    what: 'training/ada/whisper.json, line 3: not valid JSON',
    hint: 'Correct it.',
    kind: 'input',
  };
  mock.damage = problem;
  await goTo('prepare/ada');
  await page.reload();
  const note = page.getByRole('alert').filter({ hasText: problem.what });
  await note.getByText(problem.hint).waitFor();
  mock.damage = null;
  mock.changed('transcript:ada');
  await note.waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
});
