// A <details> that behaves as a menu: a click elsewhere or Escape closes it.
export function popup(element: HTMLDetailsElement) {
  const outside = (event: PointerEvent) => {
    if (element.open && !element.contains(event.target as Node)) element.open = false;
  };
  const key = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !element.open) return;
    event.stopPropagation();
    element.open = false;
    element.querySelector('summary')?.focus();
  };
  document.addEventListener('pointerdown', outside);
  element.addEventListener('keydown', key);
  return { destroy: () => document.removeEventListener('pointerdown', outside) };
}
