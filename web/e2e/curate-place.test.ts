// Curate: where things stand, that they stay there, and why there is no sound.
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { violations } from './axe';
import { curating } from './curating';
import { setStage } from './stage';

const stage = setStage();
let { mock, url, page, problems } = stage;
const { ready, selected } = curating(stage);
beforeEach(() => {
  ({ mock, url, page, problems } = stage);
});
const goTo = (place: string) => page.goto(`${url}/#/${place}`);
const refused = {
  what: 'cannot write voices/ada/.listen/talk.wav: Permission denied',
  hint: 'Give your user permission to write there.',
  kind: 'environment',
};
const refuse = (paths: string) =>
  page.route(paths, (route) => route.fulfill({ status: 507, json: { error: refused } }));

test('the buttons of a segment stay where they are, whatever segment and recording it is', async () => {
  const long = `${'a recording with a name that goes on '.repeat(4)}.wav`;
  mock.segments = mock.segments
    .slice(0, 8)
    .map((each, i) => ({ ...each, accepted: i % 3 === 0, ...(i > 3 ? { recording: long } : {}) }));
  for (const width of [1600, 1280, 1024, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await goTo('models');
    await goTo('curate/ada');
    await ready();
    const accept = page.locator('.decisions button.primary');
    const seen = new Set<string>();
    for (let i = 0; i < 8; i++) {
      const { x, y, width: wide } = (await accept.boundingBox())!;
      seen.add([x, y + (await page.evaluate(() => scrollY)), wide].map(Math.round).join());
      await page.locator('.decisions button', { hasText: t.commands.skip }).click();
      await page.waitForTimeout(60);
    }
    expect([...seen], `at ${width}`).toHaveLength(1);
  }
  expect(problems).toEqual([]);
});

test('the list scrolls, the page does not', async () => {
  for (const height of [800, 1080]) {
    await page.setViewportSize({ width: 1280, height });
    await goTo('curate/ada');
    await ready();
    expect(await page.evaluate(() => document.documentElement.scrollHeight)).toBe(height);
  }
});

test('a recording that cannot be played says why, and is tried again', async () => {
  await refuse('**/audio?**');
  await goTo('curate/ada');
  const note = page.getByRole('alert');
  await note.getByText(t.curate.noSound('talk.wav', refused.what)).waitFor();
  await note.getByText(refused.hint).waitFor();
  expect(await violations(page)).toEqual([]);
  await page.unroute('**/audio?**');
  await page.getByRole('button', { name: t.retry }).click();
  await page.waitForSelector('canvas.main');
  expect(await note.count()).toBe(0);
});

test('a waveform that cannot be made says why', async () => {
  await refuse('**/peaks?**');
  await goTo('curate/ada');
  await ready();
  await page.getByRole('alert').getByText(refused.what).waitFor();
  await page.unroute('**/peaks?**');
  await selected().waitFor();
  await page.getByRole('button', { name: t.commands.zoomIn }).click();
  await page.getByRole('alert').waitFor({ state: 'detached' });
});
