// A stand-in for the server, for tests of the page alone: it keeps a small world in memory and answers as
// docs/openapi.yaml says; what it answers to each subject is in mock/. Sounds are computed.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { Job, Segment, Upload, Values, Voice } from '../src/lib/types';
import { bodyOf, Call } from './mock/call';
import * as configuring from './mock/configuring';
import * as curating from './mock/curating';
import { schemas, segmentsOf, statistics } from './mock/data';
import { jobs, queue } from './mock/jobs';
import { models, tokenizers } from './mock/models';
import { runs } from './mock/runs';
import { peaks, picture, sound } from './mock/sounds';
import { settings, system, trash } from './mock/system';
import { deleteVoice, recordings, uploads, voices } from './mock/voices';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
export const policy =
  "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

export class Mock {
  private http: Server;
  private streams = new Set<ServerResponse>();
  server = 'mock-1';
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
  segments: Segment[] = segmentsOf(2000);
  digest = 1;
  refusal: { status: number; kind: string; what: string; hint: string } | null = null; // of edits
  languages: Record<string, string> = { 'talk.wav': 'en', 'interview.flac': 'en' };
  history: curating.Step[] = []; // each with what was before it
  undone: curating.Step[] = []; // each with what was after it
  stepNumber = 0;
  files = new Map<string, Buffer>();
  unfinished: Upload[] = [];
  asked: Record<string, unknown> = {}; // the last request for a job
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
  silent: string[] = []; // samples whose file is gone
  unspoken: string[] = []; // samples that were never made
  bytes = 0; // sent
  sequence = 0;

  constructor(private readonly dist: string) {
    this.http = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        response.writeHead(500, { 'Content-Type': 'application/json' });
        response.end(JSON.stringify({ error: { what: String(error), hint: '', kind: 'internal' } }));
      });
    });
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.http.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    for (const stream of this.streams) stream.destroy();
    this.streams.clear();
    this.http.closeAllConnections();
    await new Promise((resolve) => this.http.close(resolve));
  }
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
    this.queue.waiting = this.jobs.filter((job) => job.state === 'waiting').map((job) => job.id);
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

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const path = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    response.setHeader('Content-Security-Policy', policy);
    if (path[0] !== 'api') return this.file(url.pathname, response);
    const body = request.method === 'GET' ? Buffer.alloc(0) : await bodyOf(request);
    const call = new Call(request, response, url, path, body);
    switch (call.area) {
      case 'events':
        return this.stream(response);
      case 'state':
        return call.json({
          server: this.server,
          version: '0.1.0',
          workspace: '/home/ada/studio',
          cursor: 'c0',
          revision: this.revision,
          time: 0,
          voices: this.voices,
          jobs: this.jobs,
          queue: this.queue,
        });
      case 'schemas':
        return call.json(schemas);
      case 'voices':
        return call.name ? this.voice(call) : voices(this, call);
      case 'jobs':
        return jobs(this, call);
      case 'queue':
        return queue(this, call);
      case 'runs':
        return runs(this, call);
      case 'models':
        return models(call);
      case 'tokenizers':
        return tokenizers(call);
      case 'trash':
        return trash(this, call);
      case 'system':
        return system(this, call);
      case 'settings':
        return settings(this, call);
    }
    return call.fail(404, 'not_found', `${url.pathname} is not there`);
  }

  private voice(call: Call): void {
    switch (call.what) {
      case '':
        if (call.method === 'DELETE') return deleteVoice(this, call);
        break;
      case 'recordings':
        if (call.more === 'audio') return sound(call);
        if (call.more === 'peaks') return peaks(call);
        if (call.more === 'spectrogram') return picture(call);
        return recordings(this, call);
      case 'uploads':
        return uploads(this, call);
      case 'clips':
        return sound(call);
      case 'dataset-settings':
        return configuring.datasetSettings(this, call);
      case 'transcript':
        return curating.transcript(this, call);
      case 'edits':
        return curating.edits(this, call);
      case 'undo':
      case 'redo':
        return curating.undoOrRedo(this, call);
      case 'history':
        return curating.history(this, call);
      case 'report':
        return curating.report(this, call);
      case 'statistics':
        return call.json(statistics);
      case 'states':
        return configuring.states(call);
      case 'configuration':
        return configuring.configuration(this, call);
      case 'yaml':
        return configuring.yaml(this, call);
    }
    call.json(this.voices.find((each) => each.name === call.name) ?? {});
  }

  private stream(response: ServerResponse): void {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' });
    response.write(
      `event: hello\ndata: ${JSON.stringify({ server: this.server, version: '0.1.0', cursor: `c${this.sequence}`, revision: this.revision })}\n\n`,
    );
    response.write(
      `event: jobs\ndata: ${JSON.stringify({ jobs: this.jobs, queue: this.queue, revision: this.revision })}\n\n`,
    );
    this.streams.add(response);
    response.on('close', () => this.streams.delete(response));
  }
  private async file(path: string, response: ServerResponse): Promise<void> {
    const name = path === '/' ? '/index.html' : path;
    try {
      const bytes = await readFile(join(this.dist, name));
      response.setHeader('Content-Type', types[extname(name)] ?? 'application/octet-stream');
      this.bytes += bytes.length;
      response.end(bytes);
    } catch {
      response.writeHead(404).end();
    }
  }
}
