// Curation: what is heard, and the waveform.
import { beforeEach, expect, test } from 'vitest';
import { t } from '../src/text';
import { curating } from './curating';
import { setStage } from './stage';

const stage = setStage('#/curate/ada');
let { page, problems } = stage;
const { ready, text, find } = curating(stage);
beforeEach(async () => {
  ({ page, problems } = stage);
  await ready();
});

// What the page sounded: seconds of each piece, and whether it loops.
const listen = () =>
  page.evaluate(() => {
    const heard: [number, boolean][] = ((window as unknown as { heard: unknown }).heard = []) as never;
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (...given) {
      heard.push([Math.round(this.buffer!.duration * 1000) / 1000, this.loop]);
      return start.apply(this, given);
    };
  });
const playhead = () =>
  page.locator('.head').evaluate((element) => new DOMMatrix(getComputedStyle(element).transform).e);
const heard = () => page.evaluate(() => (window as unknown as { heard: [number, boolean][] }).heard);

test('drags borders, places the cursor and splits there', async () => {
  const canvas = page.locator('canvas.main');
  const box = (await canvas.boundingBox())!;
  // What is shown is told in words; the places on the picture follow from it.
  const view = async () => {
    const [, from, to] = /from ([\d:.]+) to ([\d:.]+),/.exec((await canvas.getAttribute('aria-label'))!)!;
    return [from!, to!].map((each) => each.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)) as [
      number,
      number,
    ];
  };
  const [from, to] = await view();
  const x = (seconds: number) => box.x + ((seconds - from) / (to - from)) * box.width;
  await page.mouse.move(x(2.3), box.y + 60);
  await page.mouse.down();
  await page.mouse.move(x(1.9), box.y + 60, { steps: 5 });
  await page.mouse.up();
  await expect.poll(() => find(0).end).toBeCloseTo(1.9, 1);
  await page.mouse.click(x(1.0), box.y + 60);
  await page.keyboard.press('x');
  await expect.poll(() => find(2000)?.start).toBeCloseTo(1.0, 1);
  expect(find(0).end).toBeCloseTo(1.0, 1);
  await page.getByText(/^2,001 segments ·/).waitFor();
  await page.keyboard.press('Control+z');
  await expect.poll(() => find(2000)).toBeUndefined();
  await page.getByText(/^2,000 segments ·/).waitFor(); // before, keys would go by a list with one more
  // The same by keys alone.
  await page.keyboard.press('k');
  await page.keyboard.press('j');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('Shift+ArrowRight');
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('x');
  await expect.poll(() => find(2000)?.start).toBeCloseTo(2.4 + 0.95, 3);
  expect(problems).toEqual([]);
});

test('plays, and words are lit as they are spoken', async () => {
  await listen();
  await page.keyboard.press('Space');
  const spoken: string[] = [];
  await expect
    .poll(async () => {
      const word = await page.locator('.word.lit').allInnerTexts();
      if (word[0] && spoken.at(-1) !== word[0].trim()) spoken.push(word[0].trim());
      return spoken.length;
    })
    .toBeGreaterThan(2);
  expect('It was, he said, a good idea.').toContain(spoken[1]!);
  await page.keyboard.press('Space');
  expect(await page.locator('.word.lit').count()).toBe(0);
  expect((await heard())[0]).toEqual([2.3, false]);
  expect(problems).toEqual([]);
});

test('plays on from the cursor, and what is heard is selected', async () => {
  await page.keyboard.press('Shift+Space');
  await expect.poll(text, { timeout: 6000 }).toContain('The next day');
  await page.locator('.segment.selected .word.lit').first().waitFor();
  await page.keyboard.press('Shift+Space');
  await page.getByRole('button', { name: 'Play the segment' }).waitFor();
});

test('loops a segment and its edges, and the loop follows an edge that is moved', async () => {
  await listen();
  await page.keyboard.press('l');
  await expect.poll(heard).toEqual([[2.3, true]]);
  await expect
    .poll(() => page.getByRole('button', { name: 'Loop the segment' }).getAttribute('aria-pressed'))
    .toBe('true');
  await page.keyboard.press('l');
  await page.getByRole('button', { name: 'Play the segment' }).waitFor();
  await page.keyboard.press('[');
  await expect.poll(heard).toHaveLength(2);
  expect((await heard())[1]).toEqual([0.35, true]); // the recording begins there
  await page.keyboard.press(']');
  await expect.poll(heard).toHaveLength(3);
  expect((await heard())[2]).toEqual([0.7, true]);
  await expect.poll(playhead).toBeGreaterThan(0);
  await page.keyboard.press('Shift+E');
  await expect.poll(() => find(0).end).toBeCloseTo(2.25, 3);
  await expect.poll(heard).toHaveLength(4);
  await page.getByRole('button', { name: 'Loop end' }).click();
  await page.getByRole('button', { name: 'Play the segment' }).waitFor();
  expect(problems).toEqual([]);
});

test('goes over from the recording to the clip and back in mid-sound, and tells which is heard', async () => {
  await listen();
  const clips: string[] = [];
  page.on('request', (request) => request.url().includes('/clips/') && clips.push(request.url()));
  const toClip = page.getByRole('button', { name: t.curate.compareClip });
  const told = (side: 'clip' | 'original') => page.getByText(t.curate.hears[side]).waitFor();
  const pressed = () => toClip.getAttribute('aria-pressed');
  await page.keyboard.press('Space'); // the recording
  await expect.poll(playhead).toBeGreaterThan(10);
  expect(await pressed()).toBe('false');
  await page.keyboard.press('b');
  await told('clip');
  expect(clips[0]).toContain('/clips/talk_00000.wav');
  const [segment, rest, clip] = (await heard()).map(([seconds]) => seconds);
  expect(segment).toBe(2.3);
  expect(rest).toBeLessThan(2.3); // both from the word that was heard
  expect(clip).toBeLessThan(4.3);
  expect(await pressed()).toBe('true');
  const before = await playhead();
  await toClip.click();
  await told('original');
  expect(await pressed()).toBe('false');
  await page.keyboard.press('b');
  await told('clip');
  expect(await playhead()).toBeGreaterThan(before);
  expect(await heard()).toHaveLength(3); // nothing began anew
  await page.getByRole('button', { name: t.curate.stop }).click();
  await page.getByText(t.curate.hears.clip).waitFor({ state: 'detached' });
  await page.keyboard.press('j');
  await page.keyboard.press('b'); // from the start of the segment
  await told('clip');
  expect((await heard())[3]).toEqual([2.3, false]);
  expect(clips.at(-1)).toContain('/clips/talk_00001.wav');
  await page.route('**/clips/**', (route) => route.fulfill({ status: 404, body: '{}' }));
  await page.keyboard.press('j');
  await page.keyboard.press('b');
  await page.getByText(t.curate.noClipSound('talk_00002.wav')).waitFor();
  expect(problems).toEqual([]);
});

test('goes over to the clip of a recording that was not cut', async () => {
  await page.route('**/report', async (route) => {
    const answer = await route.fetch();
    const report = (await answer.json()) as { lines: { recording: string; segment?: number }[] };
    await route.fulfill({ json: { lines: [{ ...report.lines[0], segment: undefined }] } });
  });
  await page.reload();
  await ready();
  await listen();
  await page.keyboard.press('j'); // the second segment
  await page.keyboard.press('b');
  await page.getByText(t.curate.hears.clip).waitFor();
  const [segment, clip] = (await heard()).map(([seconds]) => seconds);
  expect(segment).toBe(2.3);
  expect(clip).toBeGreaterThan(2);
  expect(clip).toBeLessThan(4.5);
  expect(problems).toEqual([]);
});

// Keeps all that sounds, in the thread that computes sound: what is kept misses nothing where the page is slow.
const recorder = `registerProcessor('recorder', class extends AudioWorkletProcessor {
  process([[samples]]) {
    if (samples) this.port.postMessage(samples.slice());
    return true;
  }
});`;

test('no click is heard where sounds meet or end', async () => {
  await page.route('**/recorder.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: recorder }),
  );
  await page.evaluate(() => {
    const samples: number[] = [];
    Object.assign(window, { samples, recording: false });
    const taps = new Map<BaseAudioContext, AudioNode>();
    const connect = AudioNode.prototype.connect as (this: AudioNode, to: AudioNode | AudioParam) => AudioNode;
    AudioNode.prototype.connect = function (this: AudioNode, to: AudioNode | AudioParam) {
      const { context } = this;
      if (to === context.destination) {
        if (!taps.has(context)) {
          const tap = context.createGain();
          taps.set(context, tap);
          void context.audioWorklet.addModule('/recorder.js').then(() => {
            const node = new AudioWorkletNode(context, 'recorder', { numberOfOutputs: 0 });
            node.port.onmessage = ({ data }) => samples.push(...(data as Float32Array));
            connect.call(tap, node);
            Object.assign(window, { recording: true });
          });
        }
        connect.call(this, taps.get(context)!);
      }
      return connect.call(this, to);
    } as typeof AudioNode.prototype.connect;
  });
  await page.keyboard.press('Space');
  await expect
    .poll(() => page.evaluate(() => (window as unknown as { recording: boolean }).recording))
    .toBe(true);
  await page.keyboard.press('Space');
  await page.keyboard.press('Space');
  await expect.poll(playhead).toBeGreaterThan(10);
  for (let i = 0; i < 4; ++i) {
    await page.keyboard.press('b');
    await page.waitForTimeout(150);
  }
  await page.keyboard.press('Space');
  await page.waitForTimeout(300);
  const samples = await page.evaluate(() => (window as unknown as { samples: number[] }).samples);
  const loudest = samples.reduce((most, each) => Math.max(most, Math.abs(each)), 0);
  const leap = samples.reduce(
    (most, each, i) => Math.max(most, Math.abs(each - (samples[i - 1] ?? each))),
    0,
  );
  expect(samples.length).toBeGreaterThan(20_000);
  expect(loudest).toBeGreaterThan(0.1);
  // The tone of the recording turns by 0.06 a sample of 22,050; a click would leap by its height.
  expect(leap).toBeLessThan(loudest * 0.25);
});
