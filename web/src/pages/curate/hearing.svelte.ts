// One segment transcribed again: the words are shown and taken only when the reader says so.
import { ask, at, post } from '../../lib/api';
import { keyOf } from '../../lib/curation';
import type { Job, Segment } from '../../lib/types';
import { attempt } from '../../parts/attempt';
import { toast } from '../../parts/toasts.svelte';
import { tells } from '../../parts/told';
import { studio } from '../../state/studio.svelte';
import { t } from '../../text';

export class Hearing {
  private asked = $state.raw<{ key: string; job: string; text: string | null } | null>(null);
  private told: (() => void)[] = []; // jobs whose end is told here
  readonly busy = $derived(this.asked !== null && this.asked.text === null);

  /** To be made while a component is made. */
  constructor(private readonly voice: string) {
    $effect(() => () => this.told.forEach((end) => end()));
    $effect(() => {
      const asked = this.asked;
      if (!asked || asked.text !== null) return;
      const job = studio.jobs.find((each) => each.id === asked.job);
      if (job?.state === 'done') {
        void ask<Job>(at('jobs', job.id)).then((whole) => {
          if (this.asked === asked) this.asked = { ...asked, text: String(whole.result?.text ?? '') };
        });
      } else if (job?.state === 'failed' || job?.state === 'lost') {
        toast('bad', job.error?.what ?? t.curate.hearFailed, job.error?.hint ?? '');
        this.asked = null;
      } else if (job?.state === 'stopped') this.asked = null;
    });
  }

  async begin({ recording, segment }: Segment): Promise<void> {
    const job = await attempt(() =>
      post<Job>('api/jobs', { action: 'hear', voice: this.voice, recording, segment }),
    );
    if (!job) return;
    this.told.push(tells(job.id));
    this.asked = { key: keyOf({ recording, segment }), job: job.id, text: null };
  }
  heard = (key: string): string | null => (this.asked?.key === key ? this.asked.text : null);
  dismiss = (): void => void (this.asked = null);
}
