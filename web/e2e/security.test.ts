// What other sites can do to the studio in the same browser: nothing.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open } from './browser';
import { discard, present, Program, workspace } from './program';

describe.skipIf(!present)('other sites', () => {
  let browser: Browser;
  let folder: string;
  let program: Program;
  let site: Server;
  let page: Page; // of the other site
  let close: () => Promise<void>;

  beforeAll(async () => {
    // A name that was made to lead here, as DNS rebinding does.
    browser = await launch('--host-resolver-rules=MAP evil.example 127.0.0.1');
    folder = workspace();
    program = await Program.start(folder, '--port', '0');
    await fetch(`${program.address}/api/voices`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ name: 'ada' }),
    });
    site = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end('<!doctype html><title>evil</title><body></body>');
    });
    await new Promise<void>((done) => site.listen(0, '127.0.0.1', done));
    ({ page, close } = await open(browser, `http://evil.example:${(site.address() as AddressInfo).port}/`));
  });
  afterAll(async () => {
    await close?.();
    await browser?.close();
    site?.close();
    await program?.kill('SIGTERM');
    if (folder) discard(folder);
  });
  const voices = async () =>
    ((await (await fetch(`${program.address}/api/voices`)).json()) as { name: string }[]).map(
      (each) => each.name,
    );

  test('a foreign name is not served, whatever address it leads to', async () => {
    const visitor = await browser.newPage();
    const answer = await visitor.goto(`http://evil.example:${program.port}/`);
    expect(answer!.status()).toBe(421);
    expect((await visitor.goto(`http://evil.example:${program.port}/api/state`))!.status()).toBe(421);
    expect((await visitor.goto(`${program.address}/`))!.status()).toBe(200);
    await visitor.close();
  });

  test('nothing is read', async () => {
    const got = await page.evaluate(async (studio) => {
      const tries: Record<string, string> = {};
      const ended = (name: string, set: (done: (word: string) => void) => void) =>
        new Promise<void>((done) => set((word) => ((tries[name] = word), done())));
      await fetch(`${studio}/api/state`).then(
        async (answer) => (tries.fetch = `read ${(await answer.text()).slice(0, 20)}`),
        () => (tries.fetch = 'refused'),
      );
      await ended('script', (done) => {
        const script = document.createElement('script');
        script.src = `${studio}/theme.js`;
        script.onload = () => done('ran');
        script.onerror = () => done('refused');
        document.body.append(script);
      });
      await ended('events', (done) => {
        const events = new EventSource(`${studio}/api/events`);
        events.addEventListener('hello', () => (events.close(), done('read')));
        events.onerror = () => (events.close(), done('refused'));
      });
      return tries;
    }, program.address);
    expect(got).toEqual({ fetch: 'refused', script: 'refused', events: 'refused' });
  });

  test('nothing is written', async () => {
    await page.evaluate(async (studio) => {
      const body = JSON.stringify({ name: 'eve' });
      for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'application/json'])
        await fetch(`${studio}/api/voices`, {
          method: 'POST',
          mode: type === 'application/json' ? 'cors' : 'no-cors',
          headers: { 'Content-Type': type },
          body,
        }).catch(() => {});
      await fetch(`${studio}/api/voices/ada`, { method: 'DELETE' }).catch(() => {});
      // A form whose fields make up JSON.
      const form = document.createElement('form');
      form.method = 'post';
      form.enctype = 'text/plain';
      form.action = `${studio}/api/voices`;
      form.target = 'sink';
      const field = document.createElement('input');
      field.name = '{"name":"eve","x":"';
      field.value = '"}';
      form.append(field);
      const frame = document.createElement('iframe');
      frame.name = 'sink';
      document.body.append(frame, form);
      await new Promise<void>((done) => {
        frame.onload = () => done();
        form.submit();
        setTimeout(done, 1500);
      });
    }, program.address);
    expect(await voices()).toEqual(['ada']);
    expect(existsSync(join(folder, 'voices/eve'))).toBe(false);
  });

  test('the page is shown in no frame', async () => {
    await page.evaluate(async (studio) => {
      const frame = document.createElement('iframe');
      frame.name = 'studio';
      frame.src = `${studio}/`;
      document.body.append(frame);
      await new Promise((done) => setTimeout(done, 1500));
    }, program.address);
    const frame = page.frame('studio')!;
    expect(await frame.locator('#app').count()).toBe(0);
  });

  test('names that look like a page are names', async () => {
    const name = '<img src=x onerror=alert(1)>';
    const { page: own, problems, close: leave } = await open(browser, `${program.address}/`);
    let alarmed = false;
    own.on('dialog', (dialog) => ((alarmed = true), void dialog.dismiss()));
    await own.getByRole('button', { name: 'New voice' }).first().click();
    await own.getByLabel('Name of the voice').fill(name);
    await own.getByRole('button', { name: 'Create', exact: true }).click();
    await own.getByRole('heading', { name: 'Prepare' }).waitFor();
    await own.getByRole('button', { name: 'Delete voice' }).click();
    await own.getByRole('heading', { name: `Delete ${name}` }).waitFor();
    await own.goto(`${program.address}/#/configure/${encodeURIComponent(name)}`);
    await own.getByText(`${name} · 0 lines`).waitFor();
    expect(alarmed).toBe(false);
    expect(problems).toEqual([]);
    await leave();
  });
});
