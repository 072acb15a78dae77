// What the stand-in for the server keeps, and what it tells of it to its streams.
import type { ServerResponse } from 'node:http';
import type { Job, Problem, Run, Segment, Upload, Values, Voice } from '../../src/lib/types';
import { schemas, segmentsOf } from './data';

/** One step of the history of a transcript. */
export interface Step {
  number: number;
  time: number;
  what: string;
  segments: Segment[];
  languages: Record<string, string>;
}

export class World {
  protected streams = new Set<ServerResponse>();
  server = 'mock-1';
  token = ''; // that everyone must have; none: nobody
  revision = 10;
  voices: Voice[] = [
    {
      name: 'ada',
      recordings: 3,
      bytes: 91_000_000,
      transcribed: true,
      train_lines: 1912,
      validation_lines: 40,
      doubtful: 61,
      seconds_kept: 9240,
      configured: true,
      iteration: 1500,
      changed: 200,
    },
    { name: 'brand new', recordings: 0, bytes: 0, changed: 100 },
  ];
  jobs: Job[] = [];
  queue = { paused: false, waiting: [] as string[], running: [] as string[] };
  runs: Run[] = [
    { voice: 'ada', run: 'finetune', kind: 'testudo', active: true, changed: 200, iteration: 1500 },
    {
      voice: 'ada',
      run: 'finetune_archived_261101-101500',
      kind: 'testudo',
      archived: true,
      changed: 100,
      iteration: 900,
    },
  ];
  segments: Segment[] = segmentsOf(2000);
  digest = 1;
  refusal: { status: number; kind: string; what: string; hint: string } | null = null; // of edits
  languages: Record<string, string> = { 'talk.wav': 'en', 'interview.flac': 'en' };
  history: Step[] = []; // each with what was before it
  undone: Step[] = []; // each with what was after it
  stepNumber = 0;
  files = new Map<string, Buffer>();
  readOnly = false; // the folders of recordings
  unfinished: Upload[] = [];
  asked: Record<string, unknown> = {}; // the last request for a job
  failure: Problem | null = null; // that new jobs end with at once
  damage: Problem | null = null; // of the transcript
  deleted = ''; // the voice, and whether its training went, too
  folders = [
    { name: 'voices', files: 3, bytes: 91_000_000 },
    { name: 'training', files: 2100, bytes: 9_400_000_000 },
    { name: 'models', files: 4, bytes: 1_800_000_000 },
    { name: 'results', files: 0, bytes: 0 },
    { name: 'config', files: 1, bytes: 400 },
    { name: 'trash', files: 2, bytes: 12_000_000 },
  ];
  datasetSettings: Values = Object.fromEntries(schemas.dataset.map((each) => [each.key, each.default]));
  trainingSettings: Values = {
    ...Object.fromEntries(schemas.training.map((each) => [each.key, each.default])),
    voice: 'ada',
  };
  app: Values = Object.fromEntries(schemas.app.map((each) => [each.key, each.default]));
  yaml = 'name: ada\ntrain:\n  niter: 1500\n  mega_batch_factor: 4\n';
  events: Record<string, unknown>[] = [];
  told: Record<string, unknown>[] = []; // by ada's training
  silent: string[] = []; // samples and clips whose file is gone
  unspoken: string[] = []; // samples that were never made
  bytes = 0; // sent
  sequence = 0;

  get open(): number {
    return this.streams.size;
  }

  /** Ends all streams, as a connection that breaks. */
  drop(): void {
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
  }

  tell(type: string, data: Record<string, unknown>, id = ''): void {
    const text = `event: ${type}\n${id ? `id: ${id}\n` : ''}data: ${JSON.stringify(data)}\n\n`;
    for (const stream of this.streams) stream.write(text);
  }
  changed(...what: string[]): void {
    this.tell('changed', { what, revision: ++this.revision });
  }
  jobsChanged(): void {
    this.queue.running = this.jobs.filter((job) => job.state === 'running').map((job) => job.id);
    const waiting = this.jobs.filter((job) => job.state === 'waiting').map((job) => job.id);
    const before = this.queue.waiting.filter((id) => waiting.includes(id));
    this.queue.waiting = [...before, ...waiting.filter((id) => !before.includes(id))];
    this.tell('jobs', { jobs: this.jobs, queue: this.queue, revision: ++this.revision });
  }
  event(job: string, fields: Record<string, unknown>): void {
    const event = { seq: ++this.sequence, time: 1_800_000_000 + this.sequence, ...fields };
    this.events.push({ job, ...event });
    this.tell('job', { job, offset: this.sequence, event }, `c${this.sequence}`);
  }

  /** A line of the events of ada's training, which need not be a job. */
  runTells(fields: Record<string, unknown>): void {
    const seq = this.told.length + 1;
    this.told.push({ seq, time: 1_795_500_000 + seq * 1000, ...fields });
    this.changed('run:ada/finetune');
  }
}
