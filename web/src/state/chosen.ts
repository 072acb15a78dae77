// The voice that is worked on, also on pages that are of no voice: the one that is shown, was last, or was changed last.
import type { Voice } from '../lib/types';
import { route } from './route.svelte';
import { studio } from './studio.svelte';

const key = 'testudo.voice';

export function chosenVoice(among: Voice[] = studio.voices): string {
  const names = among.map((voice) => voice.name);
  const wanted = [route.voice, localStorage.getItem(key) ?? ''].find((name) => names.includes(name));
  return wanted ?? [...among].sort((a, b) => (b.changed ?? 0) - (a.changed ?? 0))[0]?.name ?? '';
}

export const rememberVoice = (name: string): void => localStorage.setItem(key, name);
