// A training that a terminal ran: marks, remarks, console and samples come from its files alone.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { launch, open } from './browser';
import { discard, present, Program, trainedWorkspace } from './program';

describe.skipIf(!present)('a training of a terminal', () => {
  let browser: Browser;
  let folder: string;
  let program: Program;
  beforeAll(async () => {
    folder = trainedWorkspace();
    program = await Program.start(folder, '--port', '0');
    browser = await launch();
  }, 300_000);
  afterAll(async () => {
    await browser?.close();
    await program?.kill();
    if (folder) discard(folder);
  });

  test('shows its checkpoints, epochs and console', { timeout: 60_000 }, async () => {
    const { page, problems, close } = await open(browser, `${program.address}/#/train/ada`);
    const legend = page.getByRole('group', { name: 'Marks in the graphs' });
    await legend.getByRole('button', { name: 'Checkpoints, 2 in the graphs' }).waitFor();
    await legend.getByRole('button', { name: 'Epochs, 6 in the graphs' }).waitFor();
    await page
      .locator('.console')
      .getByText(/state: .*_?\d+\.state/)
      .first()
      .waitFor();
    await page.locator('.console p', { hasText: /done\s*$/ }).waitFor();
    await page.getByLabel('Verbose').check();
    await page
      .locator('.console')
      .getByText(/loss_gpt_total/)
      .first()
      .waitFor();
    await page.getByRole('application', { name: 'Loss, graph' }).focus();
    for (let i = 0; i < 12; i++) {
      await page.keyboard.press('n');
      if (await page.locator('.values .mark', { hasText: /^Checkpoint \d+$/ }).count()) break;
    }
    await page.keyboard.press('Enter');
    await page.locator('tr[aria-current]').waitFor();
    expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toMatch(
      /^Use the model of iteration \d+$/,
    );
    expect(problems).toEqual([]);
    await close();
  });
});
