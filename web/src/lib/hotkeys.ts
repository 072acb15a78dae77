// Keys of the curation page: one list for what they do, what the help shows, and what a button tells.

export interface Hotkey {
  id: string;
  keys: string[]; // as `combination` names them; the first is shown
}

export const hotkeys = [
  { id: 'play', keys: ['Space'] },
  { id: 'playOn', keys: ['Shift+Space'] },
  { id: 'loop', keys: ['L'] },
  { id: 'loopStart', keys: ['['] },
  { id: 'loopEnd', keys: [']'] },
  { id: 'compare', keys: ['B'] },
  { id: 'next', keys: ['ArrowDown', 'J'] },
  { id: 'previous', keys: ['ArrowUp', 'K'] },
  { id: 'nextOpen', keys: ['N'] },
  { id: 'accept', keys: ['A'] },
  { id: 'skip', keys: ['S'] },
  { id: 'acceptAll', keys: ['Shift+A'] },
  { id: 'unacceptAll', keys: ['Shift+T'] },
  { id: 'deleteAll', keys: ['Shift+Delete'] },
  { id: 'edit', keys: ['Enter', 'F2'] },
  { id: 'details', keys: ['D'] },
  { id: 'cursorEarlier', keys: ['ArrowLeft'] },
  { id: 'cursorLater', keys: ['ArrowRight'] },
  { id: 'split', keys: ['X'] },
  { id: 'merge', keys: ['M'] },
  { id: 'delete', keys: ['Delete', 'Backspace'] },
  { id: 'startEarlier', keys: ['Q'] },
  { id: 'startLater', keys: ['W'] },
  { id: 'endEarlier', keys: ['E'] },
  { id: 'endLater', keys: ['R'] },
  { id: 'hear', keys: ['H'] },
  { id: 'take', keys: ['Shift+H'] },
  { id: 'undo', keys: ['Ctrl+Z'] },
  { id: 'redo', keys: ['Ctrl+Shift+Z', 'Ctrl+Y'] },
  { id: 'history', keys: ['Y'] },
  { id: 'zoomIn', keys: ['+', '='] },
  { id: 'zoomOut', keys: ['-'] },
  { id: 'fit', keys: ['F'] },
  { id: 'search', keys: ['/'] },
  { id: 'filterVerdict', keys: ['V'] },
  { id: 'filterRecording', keys: ['C'] },
  { id: 'filterScore', keys: ['G'] },
  { id: 'sort', keys: ['O'] },
  { id: 'showAll', keys: ['Shift+V'] },
  { id: 'help', keys: ['?'] },
] as const satisfies Hotkey[];

export type Command = (typeof hotkeys)[number]['id'];

interface KeyLike {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** "Ctrl+Shift+Z", "Space", "?" … Shift counts only where it does not make another sign. */
export function combination(event: KeyLike): string {
  const key = event.key === ' ' ? 'Space' : event.key.length === 1 ? event.key.toUpperCase() : event.key;
  const letter = /^[A-Z]$/.test(key) || key.length > 1;
  return [
    event.ctrlKey || event.metaKey ? 'Ctrl' : '',
    event.altKey ? 'Alt' : '',
    event.shiftKey && letter ? 'Shift' : '',
    key,
  ]
    .filter(Boolean)
    .join('+');
}

export function commandOf(event: KeyLike): Command | null {
  const pressed = combination(event);
  const find = (wanted: string) =>
    hotkeys.find((each) => (each.keys as readonly string[]).includes(wanted))?.id ?? null;
  // Shift makes moves of an edge or the cursor larger; it is told apart by whoever moves.
  return (
    find(pressed) ?? (/^Shift\+([QWER]|Arrow(Left|Right))$/.test(pressed) ? find(pressed.slice(6)) : null)
  );
}

export const keyFor = (id: Command): string => hotkeys.find((each) => each.id === id)!.keys[0];

/** True within what is pressed, typed in or chosen from. */
export const isControl = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('button, input, textarea, select, a') !== null;

/** True where a key belongs to what has the focus: typing, choosing, pressing. */
export function belongsToElement(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.closest('dialog')) return true;
  const kind = target.tagName;
  if (kind === 'TEXTAREA' || kind === 'SELECT' || target.isContentEditable) return true;
  if (kind === 'INPUT')
    return !['checkbox', 'radio', 'button'].includes((target as HTMLInputElement).type) || key === ' ';
  return (kind === 'BUTTON' || kind === 'A' || kind === 'SUMMARY') && (key === ' ' || key === 'Enter');
}
