// Graphs and the waveform under fingers.
import { beforeEach, expect, test } from 'vitest';
import type { CDPSession, Locator } from 'playwright-core';
import { setStage } from './stage';

const stage = setStage('#/train/ada');
let { page, problems } = stage;
let devtools: CDPSession;
beforeEach(async () => {
  ({ page, problems } = stage);
  devtools = await page.context().newCDPSession(page);
  await devtools.send('Emulation.setTouchEmulationEnabled', { enabled: true, maxTouchPoints: 5 });
});

type Place = [x: number, y: number];
const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...places: Place[]) =>
  devtools.send('Input.dispatchTouchEvent', {
    type,
    touchPoints: places.map(([x, y], id) => ({ x, y, id })),
  });

/** Fingers go from where they are put down to where they are lifted, each [from, to] in px from the left edge. */
async function fingers(target: Locator, ...ways: [number, number][]): Promise<void> {
  const box = (await target.boundingBox())!;
  const at = (share: number): Place[] =>
    ways.map(([from, to]) => [box.x + from + share * (to - from), box.y + 60]);
  await touch('touchStart', ...at(0));
  for (const share of [0.25, 0.5, 0.75, 1]) await touch('touchMove', ...at(share));
  await touch('touchEnd');
}

test('graphs: two fingers zoom, one moves along and reads, two taps show all', async () => {
  const chart = page.getByRole('application', { name: 'Loss, graph' });
  await chart.waitFor();
  await chart.scrollIntoViewIfNeeded();
  const box = (await chart.boundingBox())!;
  await touch('touchStart', [box.x + 300, box.y + 80]);
  await touch('touchEnd');
  const readAt = async () =>
    Number(/\d+/.exec((await page.locator('.values p').first().innerText()).replace(/\D*/, ''))![0]);
  await page.locator('.values').getByText('Iteration').waitFor();
  const whole = await readAt();
  const all = page.getByRole('button', { name: 'Show all of Loss' });
  expect(await all.isVisible()).toBe(false);

  await fingers(chart, [250, 150], [350, 500]);
  await all.waitFor();
  expect(await page.locator('.values').count()).toBe(0);
  await touch('touchStart', [box.x + 300, box.y + 80]);
  await touch('touchEnd');
  const zoomed = await readAt();
  await fingers(chart, [300, 200]); // what is there moves to the left
  await touch('touchStart', [box.x + 300, box.y + 80]);
  await touch('touchEnd');
  expect(await readAt()).toBeGreaterThan(zoomed);
  expect(Math.abs(zoomed - whole)).toBeLessThan(whole);

  await page.waitForTimeout(400); // else the next tap would count with the last
  for (let i = 0; i < 2; ++i) {
    await touch('touchStart', [box.x + 300, box.y + 80]);
    await touch('touchEnd');
  }
  await all.waitFor({ state: 'hidden' });
  expect(problems).toEqual([]);
});

test('one finger over a graph scrolls the page, and a tap elsewhere takes the values away', async () => {
  const chart = page.getByRole('application', { name: 'Loss, graph' });
  await chart.waitFor();
  const top = async () => (await chart.boundingBox())!.y;
  const box = (await chart.boundingBox())!;
  const before = await top();
  await touch('touchStart', [box.x + 300, box.y + 250]);
  for (const up of [20, 60, 120, 180]) await touch('touchMove', [box.x + 300, box.y + 250 - up]);
  await touch('touchEnd');
  await expect.poll(top).toBeLessThan(before - 60);
  const at = (await chart.boundingBox())!;
  await touch('touchStart', [at.x + 300, at.y + 120]);
  await touch('touchEnd');
  await page.locator('.values').waitFor();
  await touch('touchStart', [at.x + 300, at.y + at.height + 40]);
  await touch('touchEnd');
  await page.locator('.values').waitFor({ state: 'detached' });
  expect(problems).toEqual([]);
});

const tap = async (target: Locator) => {
  const box = (await target.boundingBox())!;
  await touch('touchStart', [box.x + box.width / 2, box.y + box.height / 2]);
  await touch('touchEnd');
};
const segment = (id: number) => stage.mock.segments.find((each) => each.segment === id)!;
const current = () => page.locator('.segment.selected .text').innerText();

test('the waveform: two fingers zoom and move it, one moves it along, and both drag nothing and choose nothing', async () => {
  await page.goto(`${stage.url}/#/curate/ada`);
  const wave = page.locator('canvas.main');
  await wave.waitFor();
  const shown = async () => (await wave.getAttribute('aria-label'))!;
  await page.locator('.segment.selected').waitFor();
  await page.waitForTimeout(300);
  const chosen = await current();
  const before = await shown();
  await fingers(wave, [300, 100], [500, 900]);
  await expect.poll(shown).not.toBe(before);
  const near = await shown();
  await fingers(wave, [400, 300], [600, 500]);
  await expect.poll(shown).not.toBe(near);
  const moved = await shown();
  await fingers(wave, [600, 300]);
  await expect.poll(shown).not.toBe(moved);
  expect(segment(0).end).toBe(2.3);
  expect(await current()).toBe(chosen);
  expect(problems).toEqual([]);
});

test('Curate: a tap chooses, an edge is dragged, a text is edited and left without keys', async () => {
  await page.goto(`${stage.url}/#/curate/ada`);
  const wave = page.locator('canvas.main');
  await wave.waitFor();
  await page.locator('.segment.selected').waitFor();
  await page.waitForTimeout(300);
  const [, from, to] = /from 0:([\d.]+) to 0:([\d.]+),/.exec((await wave.getAttribute('aria-label'))!)!;
  const box = (await wave.boundingBox())!;
  const x = (seconds: number) => ((seconds - Number(from)) / (Number(to) - Number(from))) * box.width;
  await fingers(wave, [x(2.28), x(1.8)]);
  await expect.poll(() => segment(0).end).toBeCloseTo(1.8, 1);
  await fingers(wave, [x(3.5), x(3.5)]);
  await expect.poll(current).toContain('The next day');
  await tap(page.getByRole('button', { name: 'Edit text' }));
  const field = page.getByLabel('Text of the segment');
  await field.fill('By finger.');
  await tap(page.getByRole('button', { name: 'Leave it as it was' }));
  await expect.poll(current).toContain('The next day');
  await tap(page.getByRole('button', { name: 'Edit text' }));
  await field.fill('By finger.');
  await tap(page.getByRole('button', { name: 'Save and accept' }));
  await expect.poll(() => [segment(1).text, segment(1).accepted]).toEqual([' By finger.', true]);
  await expect.poll(current).toContain('Nobody had');
  await tap(page.getByRole('button', { name: 'Edit text' }));
  await field.fill('Once more.');
  await tap(page.getByRole('button', { name: 'Save', exact: true }));
  await expect.poll(() => segment(2).text).toBe(' Once more.');
  expect(stage.mock.history).toHaveLength(3);
  expect(problems).toEqual([]);
});
