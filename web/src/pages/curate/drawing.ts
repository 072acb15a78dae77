// Draws a recording on a canvas: ruler, segments as regions, waveform, spectrogram; and small, all of it.
import { timeTicks } from '../../lib/ticks';
import { visibleRegions, xOf, type Region, type View } from '../../lib/waveview';
import type { ColourName } from '../../parts/colours.svelte';
import { t } from '../../text';
import type { Peaks, Spectrogram } from './soundpictures.svelte';

const rulerHeight = 16;
const waveHeight = 104;
const spectrogramHeight = 84;
const labelHeight = 22;
export const editorHeight = rulerHeight + waveHeight + spectrogramHeight + labelHeight;
export const overviewHeight = 34;
export const waveformHeight = overviewHeight + editorHeight;
const waveTop = rulerHeight;
const spectrogramTop = waveTop + waveHeight;
const labelTop = spectrogramTop + spectrogramHeight;

export interface Scene {
  colours: Record<ColourName, string>;
  width: number;
  view: View;
  regions: Region[]; // ascending by start
  whole: Peaks | null;
}
export interface EditorScene extends Scene {
  selected: number | null;
  peaks: Peaks | null;
  spectrogram: Spectrogram | null;
  label: (region: Region) => string;
}

function sized(target: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = devicePixelRatio || 1;
  const w = Math.round(width * ratio);
  const h = Math.round(height * ratio);
  if (target.width !== w || target.height !== h) {
    target.width = w;
    target.height = h;
  }
  const context = target.getContext('2d')!;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

export function drawEditor(canvas: HTMLCanvasElement, scene: EditorScene): void {
  const context = sized(canvas, scene.width, editorHeight);
  const shown = visibleRegions(scene.regions, scene.view);
  drawRuler(context, scene);
  drawBacks(context, scene, shown);
  drawWave(context, scene, shown);
  drawSpectrogram(context, scene);
  for (const region of shown) drawRegion(context, scene, region);
}

export function drawOverview(canvas: HTMLCanvasElement, scene: Scene, length: number): void {
  const { width, view, colours } = scene;
  const context = sized(canvas, width, overviewHeight);
  const all = { from: 0, to: length };
  if (scene.whole) {
    context.fillStyle = colours.soft;
    drawPeaks(context, width, scene.whole, all, 0, overviewHeight);
  }
  context.fillStyle = colours.accent;
  context.globalAlpha = 0.35;
  for (const { start, end } of scene.regions)
    context.fillRect(xOf(all, width, start), 30, Math.max(1, ((end - start) / length) * width - 0.5), 4);
  context.globalAlpha = 0.16;
  const wide = Math.max(3, ((view.to - view.from) / length) * width);
  context.fillRect(xOf(all, width, view.from), 0, wide, overviewHeight);
  context.globalAlpha = 1;
}

function drawPeaks(
  context: CanvasRenderingContext2D,
  width: number,
  source: Peaks,
  shown: View,
  top: number,
  height: number,
  from = shown.from,
  to = shown.to,
): void {
  const columns = source.pairs.length / 2;
  const step = (source.to - source.from) / columns;
  const middle = top + height / 2;
  const first = Math.max(0, Math.floor((from - source.from) / step));
  const last = Math.min(columns, Math.ceil((to - source.from) / step));
  const wide = Math.max(1, (step / (shown.to - shown.from)) * width);
  for (let i = first; i < last; i++) {
    const x = xOf(shown, width, source.from + i * step);
    const low = (source.pairs[2 * i]! / 127) * (height / 2 - 2);
    const high = (source.pairs[2 * i + 1]! / 127) * (height / 2 - 2);
    context.fillRect(x, middle - high, wide, Math.max(1, high - low));
  }
}

function drawRuler(context: CanvasRenderingContext2D, { colours, view, width }: EditorScene): void {
  context.fillStyle = colours.faint;
  context.font = '11px system-ui, sans-serif';
  context.textBaseline = 'middle';
  for (const tick of timeTicks(view.from, view.to, Math.max(2, width / 110))) {
    const x = Math.round(xOf(view, width, tick.at));
    context.fillRect(x, 10, 1, 6);
    context.fillText(tick.label, x + 4, 7);
  }
}

function drawBacks(context: CanvasRenderingContext2D, scene: EditorScene, shown: Region[]): void {
  const { colours, view, width, selected } = scene;
  for (const region of shown) {
    const x = xOf(view, width, region.start);
    context.globalAlpha = region.id === selected ? 1 : 0.45;
    context.fillStyle = colours['accent-back'];
    context.fillRect(x, waveTop, Math.max(1, xOf(view, width, region.end) - x), waveHeight);
  }
  context.globalAlpha = 1;
}

function drawWave(context: CanvasRenderingContext2D, scene: EditorScene, shown: Region[]): void {
  const { colours, view, width, selected, peaks, whole } = scene;
  const source = peaks ?? whole;
  if (!source) return;
  context.fillStyle = colours.soft;
  drawPeaks(context, width, source, view, waveTop, waveHeight);
  context.fillStyle = colours.accent;
  for (const region of shown) {
    const from = Math.max(view.from, region.start);
    const to = Math.min(view.to, region.end);
    context.globalAlpha = region.id === selected ? 1 : 0.75;
    drawPeaks(context, width, source, view, waveTop, waveHeight, from, to);
  }
  context.globalAlpha = 1;
}

function drawSpectrogram(context: CanvasRenderingContext2D, scene: EditorScene): void {
  const { colours, view, width, spectrogram } = scene;
  context.fillStyle = colours.sunk;
  context.fillRect(0, spectrogramTop, width, spectrogramHeight);
  if (spectrogram) {
    const x = xOf(view, width, spectrogram.from);
    context.imageSmoothingEnabled = true;
    const wide = xOf(view, width, spectrogram.to) - x;
    context.drawImage(spectrogram.image, x, spectrogramTop, wide, spectrogramHeight);
  } else if (view.to - view.from > 40) {
    context.fillStyle = colours.faint;
    context.textAlign = 'center';
    context.fillText(t.curate.zoomForSpectrogram, width / 2, spectrogramTop + spectrogramHeight / 2);
    context.textAlign = 'left';
  }
}

/** Its edges, and its text below. */
function drawRegion(context: CanvasRenderingContext2D, scene: EditorScene, region: Region): void {
  const { colours, view, width, selected } = scene;
  const x = xOf(view, width, region.start);
  const end = xOf(view, width, region.end);
  const strong = region.id === selected;
  const wide = strong ? 2 : 1;
  context.fillStyle = strong ? colours.accent : colours['line-strong'];
  for (const edge of [x, end])
    context.fillRect(edge - wide / 2, waveTop, wide, waveHeight + spectrogramHeight + labelHeight);
  if (end - x <= 14) return;
  context.save();
  context.beginPath();
  context.rect(x + 4, labelTop, end - x - 8, labelHeight);
  context.clip();
  context.fillStyle = strong ? colours.text : colours.soft;
  context.font = '12px system-ui, sans-serif';
  context.fillText(scene.label(region), Math.max(x, 0) + 6, labelTop + labelHeight / 2);
  context.restore();
}
