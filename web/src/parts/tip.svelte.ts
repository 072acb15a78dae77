// One tooltip for the whole page: whoever has one shows it here. The words are also in the element's
// description, so nothing depends on seeing it.
export const shown = $state<{ text: string; x: number; y: number; below: boolean }>({
  text: '',
  x: 0,
  y: 0,
  below: true,
});

let byKey = false; // how the focus came where it is
let quiet = false; // nobody moved it there
if (typeof document !== 'undefined') {
  document.addEventListener('keydown', () => (byKey = true), true);
  document.addEventListener('pointerdown', () => (byKey = false), true);
  addEventListener('hashchange', () => (shown.text = '')); // what it was about is left
}

/** The focus back where it was before a dialog: nobody asked what that is. */
export function giveFocusBack(element: HTMLElement): void {
  quiet = true;
  element.focus();
  quiet = false;
}

/** Of a label, also while its control has the focus by the keyboard. */
export function tip(element: HTMLElement, text: string) {
  let words = text;
  let timer = 0;
  const control = element instanceof HTMLLabelElement ? element.control : null;
  const show = (over = false) => {
    if (!words) return;
    const box = element.getBoundingClientRect();
    const below = !(over && box.top > 110) && box.bottom + 90 < innerHeight;
    Object.assign(shown, {
      text: words,
      x: box.left + Math.min(box.width / 2, 60),
      y: below ? (over && control ? control : element).getBoundingClientRect().bottom + 6 : box.top - 6,
      below,
    });
  };
  const later = () => {
    clearTimeout(timer);
    timer = window.setTimeout(() => show(), 350);
  };
  // Later: an element that is taken away loses the focus in the middle of a drawing, where nothing may be changed.
  const hide = () => {
    clearTimeout(timer);
    const mine = words;
    queueMicrotask(() => shown.text === mine && (shown.text = ''));
  };
  const focus = () => !quiet && element.matches(':focus-visible') && show();
  const key = (event: KeyboardEvent) => event.key === 'Escape' && hide();
  element.addEventListener('pointerenter', later);
  element.addEventListener('pointerleave', hide);
  element.addEventListener('pointerdown', hide);
  element.addEventListener('focus', focus);
  element.addEventListener('blur', hide);
  element.addEventListener('keydown', key);
  const focusControl = () => byKey && !quiet && show(true);
  control?.addEventListener('focus', focusControl);
  control?.addEventListener('blur', hide);
  control?.addEventListener('keydown', hide);
  return {
    update(next: string) {
      if (shown.text === words && words) shown.text = next;
      words = next;
    },
    destroy() {
      hide();
      control?.removeEventListener('focus', focusControl);
      control?.removeEventListener('blur', hide);
      control?.removeEventListener('keydown', hide);
    },
  };
}
