// What failed is told once, where it is in nobody's way, and stays behind when its place is left.
import { beforeEach, expect, test } from 'vitest';
import type { Page } from 'playwright-core';
import { t } from '../src/text';
import { violations } from './axe';
import { setStage } from './stage';

const stage = setStage('#/curate/ada');
let { mock, url, page, problems } = stage;
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);
const failure = {
  what: 'cannot download https://models.example.org/whisper/base.en/model.safetensors: Could not resolve host',
  hint: 'Check the connection (or use --from with a folder or mirror) and run the command again: it goes on where it ended.',
  kind: 'environment',
};
const fail = (id: string, error = failure) => {
  mock.jobs.find((each) => each.id === id)!.state = 'failed';
  Object.assign(
    mock.jobs.find((each) => each.id === id)!,
    { error },
  );
  mock.jobsChanged();
};
const running = (id: string, action: string, voice: string) =>
  mock.jobs.unshift({
    id,
    action,
    title: `${action} ${voice}`,
    voice,
    state: 'running',
    created: Date.now() / 1000,
  });
const toasts = (where: Page = page) => where.locator('.toast');

test('what cannot be heard again is said once, covers nothing, and is left behind with its page', async () => {
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.waitForSelector('.segment.selected');
  mock.failure = failure;
  await page.keyboard.press('h');
  await toasts().waitFor();
  await page.waitForTimeout(300);
  expect(await toasts().count()).toBe(1);
  const text = await toasts().innerText();
  expect(text).toContain(failure.what);
  expect(text).toContain('name a folder or mirror as “Models from” at “Settings”) and try again');
  expect(await page.locator('[role=status] .toast').count()).toBe(1); // it is read out
  expect(await violations(page)).toEqual([]);
  // Nothing of the page itself is below it.
  const box = (await toasts().boundingBox())!;
  const main = (await page.locator('main').boundingBox())!;
  expect(box.x + box.width).toBeLessThanOrEqual(main.x);
  await page.getByRole('button', { name: /^Delete all/ }).click({ timeout: 2000 });
  await page.keyboard.press('Escape');
  await goTo('models');
  await toasts().waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
});

test('what a page shows is not told beside it; of what failed elsewhere it is', async () => {
  running('j1', 'transcribe', 'brand new');
  running('j2', 'prepare', 'ada');
  running('j3', 'pull', '');
  await goTo('prepare/ada');
  await page.getByRole('heading', { name: 'Prepare', level: 1 }).waitFor();
  mock.jobsChanged();
  await page.getByRole('button', { name: t.jobs.stop, exact: true }).first().waitFor();
  fail('j2');
  await page.getByRole('alert').getByText(failure.what).waitFor();
  await page.waitForTimeout(200);
  expect(await toasts().count()).toBe(0);
  fail('j1');
  await toasts().getByText('transcribe brand new: cannot download').waitFor();
  await goTo('prepare/brand%20new');
  await page.getByRole('alert').getByText(failure.what).waitFor();
  expect(await toasts().count()).toBe(0);
});

test('of many the last are shown, the others counted, and all closed at once', async () => {
  const ids = ['a', 'b', 'c', 'd', 'e'];
  for (const id of ids) running(id, 'hear', id);
  await goTo('prepare/ada');
  await page.waitForSelector('h1');
  mock.jobsChanged();
  await page.getByText(t.jobs.more(1), { exact: true }).waitFor();
  for (const id of ids) fail(id);
  await toasts().getByText('hear e:').waitFor();
  expect(await toasts().count()).toBe(3);
  await page.getByText(t.jobs.more(2), { exact: true }).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await violations(page)).toEqual([]);
  // On a phone the end of the page can be brought out from below them.
  await page.evaluate(() => scrollTo(0, document.body.scrollHeight));
  const end = await page.evaluate(() => {
    const last = document.querySelector('main')!.lastElementChild!.getBoundingClientRect().bottom;
    return last <= document.querySelector('.toasts')!.getBoundingClientRect().top;
  });
  expect(end).toBe(true);
  await page.getByRole('button', { name: t.closeAll }).click();
  expect(await toasts().count()).toBe(0);
});
