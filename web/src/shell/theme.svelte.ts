// Light, dark, or as the system has it. public/theme.js sets the choice before the first paint.
import { repaint } from '../parts/colours.svelte';

type Choice = 'auto' | 'light' | 'dark';
const order: Choice[] = ['auto', 'light', 'dark'];

class Theme {
  choice = $state<Choice>((document.documentElement.dataset.theme as Choice | undefined) ?? 'auto');

  next = () => {
    this.choice = order[(order.indexOf(this.choice) + 1) % order.length]!;
    if (this.choice === 'auto') {
      delete document.documentElement.dataset.theme;
      localStorage.removeItem('testudo.theme');
    } else {
      document.documentElement.dataset.theme = this.choice;
      localStorage.setItem('testudo.theme', this.choice);
    }
    repaint();
  };
}

export const theme = new Theme();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', repaint);
