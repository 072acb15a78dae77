// A job that a dialog asks for. The dialog stays until the job is under way, so that a refusal, such as a name that is
// taken, finds it open with all that was chosen.
import { post, problemOf } from '../../lib/api';
import type { Job, Problem } from '../../lib/types';
import { studio } from '../../state/studio.svelte';
import { t } from '../../text';

const patience = 5000; // ms; a job that was not refused until then works

export class Asked {
  busy = $state(false);
  problem = $state.raw<Problem | null>(null);
  private id = $state('');

  /** To be made while a component is made. */
  constructor(underWay: () => void) {
    $effect(() => {
      const job = studio.jobs.find((each) => each.id === this.id);
      if (!job || !this.busy) return;
      if (job.state === 'failed' || job.state === 'lost') {
        this.problem = job.error ?? { what: t.jobs.states[job.state], hint: '', kind: 'internal' };
        this.busy = false;
      } else if (job.state === 'done' || job.state === 'stopped' || job.progress) underWay();
    });
    $effect(() => {
      if (!this.busy || !this.id) return;
      const timer = setTimeout(underWay, patience);
      return () => clearTimeout(timer);
    });
  }

  async ask(request: { action: string; [setting: string]: unknown }): Promise<void> {
    this.busy = true;
    this.problem = null;
    this.id = '';
    try {
      this.id = (await post<Job>('api/jobs', request)).id;
    } catch (error) {
      this.problem = problemOf(error);
      this.busy = false;
    }
  }
}
