// Short messages at the edge of the page. Errors stay until they are closed, or the page or voice that they came up at
// is left.
import { route } from '../state/route.svelte';

export interface Toast {
  id: number;
  kind: 'good' | 'bad' | 'info';
  text: string;
  hint: string;
  place: string;
}

export const toasts = $state<Toast[]>([]);
export const atOnce = 3; // older ones are only counted
let next = 1;
export const here = (): string => `${route.page}/${route.voice}`;

export function toast(kind: Toast['kind'], text: string, hint = ''): void {
  if (toasts.some((each) => each.kind === kind && each.text === text && each.hint === hint)) return;
  const id = next++;
  toasts.push({ id, kind, text, hint, place: here() });
  if (toasts.length > 50) toasts.shift();
  if (kind !== 'bad') setTimeout(() => dismiss(id), 5000);
}

export function dismiss(id: number): void {
  keep((each) => each.id !== id);
}
export const dismissAll = (): void => keep(() => false);
/** What failed elsewhere concerns nobody here. */
export const dismissElsewhere = (place: string): void =>
  keep((each) => each.kind !== 'bad' || each.place === place);

function keep(wanted: (each: Toast) => boolean): void {
  if (!toasts.every(wanted)) toasts.splice(0, toasts.length, ...toasts.filter(wanted));
}
