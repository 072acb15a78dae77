// The theme's colours for canvases, which style sheets do not reach.
let round = $state(0);
export const repaint = () => void round++;

const names = [
  'text',
  'soft',
  'faint',
  'line',
  'line-strong',
  'back',
  'paper',
  'sunk',
  'accent',
  'accent-back',
  'good',
  'warn',
  'bad',
  'c1',
  'c2',
  'c3',
  'c4',
  'c5',
  'c6',
] as const;
export type ColourName = (typeof names)[number];

let cached: { round: number; colours: Record<ColourName, string> } | null = null;

/** Reading it in an effect makes that run again when the theme changes. */
export function colours(): Record<ColourName, string> {
  if (cached?.round === round) return cached.colours;
  const probe = document.createElement('span');
  probe.hidden = true;
  document.body.append(probe);
  const entries = names.map((name) => {
    probe.style.color = `var(--${name})`;
    return [name, getComputedStyle(probe).color] as const;
  });
  probe.remove();
  cached = { round, colours: Object.fromEntries(entries) as Record<ColourName, string> };
  return cached.colours;
}

export const curveColours: ColourName[] = ['c1', 'c2', 'c3', 'c4', 'c5', 'c6'];
