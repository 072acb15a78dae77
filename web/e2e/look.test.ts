// Pictures of every page, to be looked at: LOOK=all (or the beginning of a page's name) npm run e2e look puts them in three
// widths and both themes into e2e/shots; LOOK=docs puts those of the manual into docs/pages.
import { mkdirSync } from 'node:fs';
import { afterAll, beforeAll, test } from 'vitest';
import type { Browser } from 'playwright-core';
import { launch, open } from './browser';
import { Mock } from './mock';

let browser: Browser;
let mock: Mock;
let url: string;
beforeAll(async () => {
  mkdirSync(`${import.meta.dirname}/shots`, { recursive: true });
  browser = await launch();
  mock = new Mock(`${import.meta.dirname}/../dist`);
  url = await mock.start();
});
afterAll(async () => {
  await browser?.close();
  await mock?.stop();
});

const pages = [
  'prepare/ada',
  'curate/ada',
  'configure/ada',
  'train/ada',
  'models',
  'tokenizer',
  'settings',
  'prepare/brand%20new',
];
const widths = [360, 1280, 1920];
test.skipIf(!process.env.LOOK)('pictures', { timeout: 300_000 }, async () => {
  const now = Date.now() / 1000;
  mock.jobs = [
    {
      id: 'j9',
      action: 'train',
      title: 'train ada',
      voice: 'ada',
      run: 'ada/finetune',
      state: 'running',
      created: now - 2600,
      started: now - 2600,
      progress: {
        time: now,
        stage: 'train',
        done: 612,
        total: 1500,
        unit: 'iterations',
        epoch: 41,
        epochs: 100,
        batch: 12,
        batches: 15,
        rate: 0.24,
        lr: 1e-5,
        eta_seconds: 3720,
        milestones: [
          { kind: 'epoch', iteration: 615, iterations_left: 3, seconds_left: 13 },
          { kind: 'validation', iteration: 650, iterations_left: 38, seconds_left: 160 },
          { kind: 'save', iteration: 675, iterations_left: 63, seconds_left: 266 },
          { kind: 'learning_rate', iteration: 800, iterations_left: 188, seconds_left: 790 },
        ],
        losses: { text: 2.31, mel: 1.87, total: 1.9, validation: 2.05 },
      },
    },
    {
      id: 'j10',
      action: 'prepare',
      title: 'prepare brand new',
      voice: 'brand new',
      state: 'waiting',
      created: 2,
    },
  ];
  mock.queue = { paused: false, waiting: ['j10'], running: ['j9'] };
  for (const [k, line] of [
    'features of 1912 clips are there',
    'training from iteration 1',
    'checkpoint models/600_gpt.pth',
  ].entries())
    mock.event('j9', { type: 'log', level: k === 1 ? 'warning' : 'info', message: line });
  if (process.env.LOOK === 'docs') {
    const folder = `${import.meta.dirname}/../../docs/pages`;
    mkdirSync(folder, { recursive: true });
    const { page, close } = await open(browser, url, { viewport: { width: 1280, height: 860 } });
    for (const each of pages.slice(0, 7)) {
      await page.goto(`${url}/#/${each}`);
      await page.waitForTimeout(900);
      await page.screenshot({ path: `${folder}/${each.split('/')[0]}.png` });
    }
    return close();
  }
  const only =
    process.env.LOOK === 'all' ? pages : pages.filter((each) => each.startsWith(process.env.LOOK!));
  for (const width of widths)
    for (const colorScheme of ['light', 'dark'] as const) {
      if (colorScheme === 'dark' && width === 1280) continue;
      const { page, problems, close } = await open(browser, url, {
        viewport: { width, height: width === 360 ? 780 : width === 1280 ? 860 : 1080 },
        colorScheme,
      });
      for (const each of only) {
        await page.goto(`${url}/#/${each}`);
        await page.waitForTimeout(700);
        await page.screenshot({
          path: `${import.meta.dirname}/shots/${each.replace(/\W+/g, '-')}-${width}-${colorScheme}.png`,
          fullPage: width !== 1920,
        });
      }
      if (problems.length) console.log(width, colorScheme, [...new Set(problems)]);
      await close();
    }
});
