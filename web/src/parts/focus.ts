// What has the focus and is taken away, or can be used no more, leaves it to nothing: who works with keys would be at the
// top of the page again. The focus goes on to what comes next.
import { tick } from 'svelte';

/** Nothing has the focus. */
const isLost = () => !document.activeElement || document.activeElement === document.body;
const isUsable = (each: HTMLElement) =>
  each.isConnected && each.checkVisibility() && !each.matches(':disabled');

/** When all is drawn, and only if the focus was lost by it. */
export async function focusIfLost(target: () => HTMLElement | null | undefined): Promise<void> {
  await tick();
  if (isLost()) target()?.focus();
}

interface Rows {
  rows: string; // selector of what is taken away, with the controls in it
  other?: () => HTMLElement | undefined; // where to go when no row is left
}

const controls = 'button, a, input, select, summary';

/** Of a list: from a row that is taken away to the same control of the next one, else of the one before. */
export function keepFocus(list: HTMLElement, { rows, other }: Rows) {
  let last: { control: HTMLElement; row: HTMLElement; place: number; fromEnd: number } | null = null;
  const shown = () => [...list.querySelectorAll<HTMLElement>(rows)].filter((row) => row.checkVisibility());
  const controlsOf = (row: Element) => [...row.querySelectorAll<HTMLElement>(controls)];

  function note({ target }: Event) {
    last = null;
    if (!(target instanceof HTMLElement) || !list.contains(target)) return;
    const row = target.closest<HTMLElement>(rows);
    if (!row) return;
    const all = controlsOf(row);
    last = { control: target, row, place: shown().indexOf(row), fromEnd: all.length - all.indexOf(target) };
  }
  function changed() {
    if (!last) return;
    const { control, row, place, fromEnd } = last;
    if (row.isConnected) last.place = shown().indexOf(row);
    if (!isLost() && !(document.activeElement === control && !isUsable(control))) return;
    if (isUsable(control)) return control.focus(); // its row was moved
    const left = shown();
    const next = row.isConnected ? row : (left[place] ?? left.at(-1));
    const all = next ? controlsOf(next) : [];
    const upTo = all.slice(0, Math.max(1, all.length - fromEnd + 1));
    (upTo.findLast(isUsable) ?? all.find(isUsable) ?? fallback())?.focus();
  }
  function fallback() {
    const found = other?.();
    return found?.isConnected ? found : document.getElementById('main');
  }
  const pressed = ({ target }: Event) => {
    if (!list.contains(target as Node)) last = null;
  };

  const observer = new MutationObserver(changed);
  observer.observe(list, { childList: true, subtree: true, attributes: true, attributeFilter: ['disabled'] });
  document.addEventListener('focusin', note);
  document.addEventListener('pointerdown', pressed, true);
  return {
    destroy() {
      observer.disconnect();
      document.removeEventListener('focusin', note);
      document.removeEventListener('pointerdown', pressed, true);
      if (last && isLost()) fallback()?.focus();
    },
  };
}
