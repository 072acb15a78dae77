// What the tests of the page stand on: for each test a page, with the stand-in server, of its own.
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open } from './browser';
import { Mock } from './mock';

export interface Stage {
  browser: Browser;
  mock: Mock;
  url: string;
  page: Page;
  problems: string[];
}

/** To be called once in a file, before its own beforeEach, which finds everything there, the page at `place`. */
export function setStage(place = ''): Stage {
  const stage = {} as Stage;
  let close: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    stage.browser = await launch();
  });
  beforeEach(async () => {
    await close?.();
    await (stage.mock as Mock | undefined)?.stop();
    stage.mock = new Mock(join(import.meta.dirname, '../dist'));
    stage.url = await stage.mock.start();
    const opened = await open(stage.browser, `${stage.url}/${place}`);
    stage.page = opened.page;
    stage.problems = opened.problems;
    close = opened.close;
  });
  afterAll(async () => {
    await close?.();
    await (stage.browser as Browser | undefined)?.close();
    await (stage.mock as Mock | undefined)?.stop();
  });
  return stage;
}
