// Does what a button asks for; what goes wrong is told at the edge of the page.
import { problemOf } from '../lib/api';
import { toast } from './toasts.svelte';

export async function attempt<T>(what: () => Promise<T>): Promise<T | null> {
  try {
    return await what();
  } catch (error) {
    const problem = problemOf(error);
    toast('bad', problem.what, problem.hint);
    return null;
  }
}
