// Short messages at the edge of the page. Errors stay until they are closed.
export interface Toast {
  id: number;
  kind: 'good' | 'bad' | 'info';
  text: string;
  hint: string;
}

export const toasts = $state<Toast[]>([]);
let next = 1;

export function toast(kind: Toast['kind'], text: string, hint = ''): void {
  if (toasts.some((each) => each.kind === kind && each.text === text && each.hint === hint)) return;
  const id = next++;
  toasts.push({ id, kind, text, hint });
  if (toasts.length > 4) toasts.shift();
  if (kind !== 'bad') setTimeout(() => dismiss(id), 5000);
}

export function dismiss(id: number): void {
  const at = toasts.findIndex((each) => each.id === id);
  if (at >= 0) toasts.splice(at, 1);
}
