// What is to be done to which voice, when it is asked for of all of them.
import type { Voice } from './types';

export const steps = ['transcribe', 'diarize', 'slice', 'dataset'] as const;
export type Step = (typeof steps)[number];
export type Action = 'prepare' | Step;

/** As far as the voice tells: that speakers were told apart leaves no trace that is sure. */
export function isDone(voice: Voice, action: Action): boolean {
  if (action === 'diarize') return false;
  if (action === 'transcribe') return voice.transcribed ?? false;
  return (voice.train_lines ?? 0) + (voice.validation_lines ?? 0) > 0;
}

export interface Plan {
  voice: string;
  hindrance: 'empty' | 'busy' | null; // why nothing can be done to it
  missing: Action[]; // of what was chosen
  ticked: boolean;
  todo: Action[];
}

/** `ticks`: what the user said of voices by name; of the others those are left out that have everything. */
export function planOf(
  voices: readonly Voice[],
  chosen: readonly Action[],
  busy: (voice: string) => boolean,
  ticks: Readonly<Record<string, boolean>>,
): Plan[] {
  return voices.map((voice) => {
    const hindrance = voice.recordings === 0 ? 'empty' : busy(voice.name) ? 'busy' : null;
    const missing = chosen.filter((each) => !isDone(voice, each));
    const ticked = !hindrance && chosen.length > 0 && (ticks[voice.name] ?? missing.length > 0);
    // Who ticks a voice that has everything wants all of it anew.
    const todo = !ticked ? [] : missing.length ? missing : [...chosen];
    return { voice: voice.name, hindrance, missing, ticked, todo };
  });
}

/** One phase after the other over all voices: what is only heard can be looked at while others are heard. */
export function jobsOf(
  plans: readonly Plan[],
  chosen: readonly Action[],
): { action: Action; voice: string }[] {
  return chosen.flatMap((action) =>
    plans.filter((plan) => plan.todo.includes(action)).map(({ voice }) => ({ action, voice })),
  );
}
