// A stand-in for the server, for tests of the page alone: it keeps a small world in memory and answers as
// docs/openapi.yaml says. Sounds are computed.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { Edit, EditResult, Job, Segment, Upload, Values, Voice } from '../src/lib/types';
import { metricsOf, schemas, segmentsOf, statistics } from './mock-data';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
export const policy =
  "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";
const rate = 22050;
const seconds = 3600;

interface Step {
  number: number;
  time: number;
  what: string;
  segments: Segment[];
  languages: Record<string, string>;
}

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
  languages: Record<string, string> = { 'talk.wav': 'en', 'interview.flac': 'en' };
  history: Step[] = []; // each with what was before it
  undone: Step[] = []; // each with what was after it
  private stepNumber = 0;
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
  bytes = 0; // sent
  private sequence = 0;

  constructor(private readonly dist: string) {
    this.http = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) =>
        this.fail(response, 500, 'internal', String(error)),
      );
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

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const path = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    response.setHeader('Content-Security-Policy', policy);
    if (path[0] !== 'api') return this.file(url.pathname, response);
    const body = request.method === 'GET' ? Buffer.alloc(0) : await bodyOf(request);
    const json = () => JSON.parse(body.toString() || '{}') as Record<string, never>;
    const [, area, name = '', what = '', item = '', more = ''] = path;
    switch (area) {
      case 'events':
        return this.stream(response);
      case 'state':
        return this.json(response, {
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
        return this.json(response, schemas);
      case 'voices':
        if (!name && request.method === 'POST') return this.newVoice(response, json());
        if (!name) return this.json(response, this.voices);
        return this.voice(request, response, url, name, what, item, more, body);
      case 'jobs':
        if (!name && request.method === 'POST') return this.newJob(response, json() as unknown as Job);
        if (what === 'events')
          return this.json(response, {
            events: this.events.filter((each) => each.job === name),
            next: this.sequence,
          });
        if (what === 'stop') {
          const job = this.jobs.find((each) => each.id === name);
          if (job) job.state = job.state === 'stopping' ? 'stopped' : 'stopping';
          this.jobsChanged();
          return this.json(response, job, 202);
        }
        return this.json(
          response,
          this.jobs.find((each) => each.id === name) ?? { jobs: this.jobs, queue: this.queue },
        );
      case 'queue':
        if (request.method === 'PUT') this.queue.paused = Boolean(json().paused);
        return this.json(response, this.queue);
      case 'runs':
        if (!name)
          return this.json(response, [
            { voice: 'ada', run: 'finetune', kind: 'testudo', active: true, changed: 200, iteration: 1500 },
            {
              voice: 'ada',
              run: 'finetune_archived_261101-101500',
              kind: 'testudo',
              archived: true,
              changed: 100,
              iteration: 900,
            },
          ]);
        if (item === 'metrics')
          return this.json(
            response,
            url.searchParams.has('after')
              ? { steps: {}, validation: {}, next: 1 }
              : metricsOf(what === 'finetune' ? 1500 : 900, what === 'finetune' ? 1 : 2),
          );
        if (item === 'samples' && more) return this.sound(request, response);
        if (item === 'samples')
          return this.json(
            response,
            [500, 1000, 1500].flatMap((iteration) =>
              ['Prosecutors have opened a massive investigation.', 'It was, he said, a good idea.'].map(
                (text, k) => ({ iteration, file: `${iteration}_${k}.wav`, text, seconds: 2 }),
              ),
            ),
          );
        if (item === 'checkpoints')
          return this.json(
            response,
            { name: 'ada_1500', place: 'finetune', path: 'models/finetunes/ada_1500.pth' },
            201,
          );
        return this.json(response, {
          voice: name,
          run: what,
          kind: 'testudo',
          iteration: 1500,
          checkpoints: [500, 1000, 1500].map((iteration) => ({
            iteration,
            bytes: 1_720_000_000,
            changed: 1_795_600_000 + iteration,
            state: true,
            ema: iteration === 1500,
          })),
        });
      case 'models':
        if (name === 'inspect')
          return this.json(response, {
            kind: 'autoregressive',
            layers: 30,
            model_dim: 1024,
            parameters: 423_000_000,
          });
        if (name === 'sources')
          return this.json(response, [
            {
              name: 'autoregressive',
              about: 'TorToiSe’s autoregressive model',
              licence: 'Apache-2.0',
              target: 'models/tortoise/autoregressive.pth',
              bytes: 1_716_988_501,
              there: true,
            },
            {
              name: 'dvae',
              about: 'turns speech into codes',
              licence: 'Apache-2.0',
              target: 'models/tortoise/dvae.pth',
              bytes: 56_000_000,
              there: false,
            },
            {
              name: 'whisper-base',
              about: 'Whisper base, many languages',
              licence: 'MIT',
              target: 'models/whisper/base',
              bytes: 145_000_000,
              there: false,
            },
          ]);
        return this.json(response, [
          {
            name: 'autoregressive.pth',
            place: 'base',
            path: 'models/tortoise/autoregressive.pth',
            kind: 'autoregressive',
            form: 'pth',
            bytes: 1_716_988_501,
            parameters: 423_000_000,
          },
          {
            name: 'ada_1000.pth',
            place: 'finetune',
            voice: 'ada',
            path: 'models/finetunes/ada_1000.pth',
            kind: 'autoregressive',
            form: 'pth',
            bytes: 1_716_988_501,
            parameters: 423_000_000,
            origin: 'trained on ada',
          },
          {
            name: 'tiny.en',
            place: 'whisper',
            path: 'models/whisper/tiny.en',
            kind: 'whisper',
            form: 'CTranslate2',
            bytes: 78_000_000,
          },
        ]);
      case 'tokenizers':
        if (!name)
          return this.json(response, [
            { name: 'builtin', tokens_in_all: 255 },
            { name: 'ipa', path: 'models/tokenizers/ipa.json', tokens_in_all: 120 },
          ]);
        if (what === 'tokenize')
          return this.json(
            response,
            (json().texts as unknown as string[]).map((text) => {
              const tokens = text
                .toLowerCase()
                .split(/(\s|th|er|in|ow)/)
                .filter(Boolean)
                .flatMap((part) => (part === ' ' ? ['[SPACE]'] : part.length > 2 ? [...part] : [part]));
              return {
                text,
                cleaned: text.toLowerCase(),
                tokens,
                ids: tokens.map((_, i) => (i * 7) % 255),
                unknown: text.includes('€') ? ['€'] : [],
                dropped: [],
              };
            }),
          );
        return this.json(response, {
          lines: 1952,
          lines_with_unknown: 2,
          characters: 98_000,
          tokens: 51_000,
          characters_per_token: 1.92,
          tokens_used: 190,
          tokens_in_all: 255,
          longest_line: { tokens: 141, where: 'train.txt:12' },
          unknown: [
            {
              character: '€',
              name: 'EURO SIGN',
              count: 2,
              lines: 2,
              examples: ['train.txt:3'],
              suggestion: 'Write it as a word.',
            },
          ],
          dropped: [],
          rewritten: [],
          problems: [],
          sentences: [],
        });
      case 'trash':
        Object.assign(this.folders.at(-1)!, { files: 0, bytes: 0 });
        return this.json(response, this.folders);
      case 'system':
        if (name === 'folders') return this.json(response, this.folders);
        if (name === 'check')
          return this.json(response, {
            checks: [
              { name: 'libtorch', verdict: 'ok', value: '2.13.0' },
              { name: 'disk', verdict: 'warning', value: '12 GB free', remedy: 'Free some space.' },
            ],
            verdict: 'warning',
          });
        return this.json(response, {
          version: '0.1.0',
          workspace: '/home/ada/studio',
          disk: { free: 120e9, total: 500e9 },
          memory: { total: 32e9, available: 20e9, server: 90e6 },
          processors: 8,
          load: 1.2,
          device: 'cpu',
          streams: this.open,
        });
      case 'settings':
        if (request.method === 'PUT') Object.assign(this.app, json());
        return this.json(response, this.app);
    }
    return this.fail(response, 404, 'not_found', `${url.pathname} is not there`);
  }

  private newVoice(response: ServerResponse, { name }: { name?: string }): void {
    if (!name || /[/\\]/.test(name))
      return this.fail(response, 400, 'usage', `"${name}" is no name of a voice`, 'Use a plain folder name.');
    const voice = { name, recordings: 0, bytes: 0, changed: 300 };
    this.voices.push(voice);
    this.changed('voices');
    this.json(response, voice, 201);
  }

  private newJob(response: ServerResponse, request: Job & { recording?: string }): void {
    this.asked = { ...request };
    const job: Job = {
      id: `j${this.jobs.length + 1}`,
      action: request.action,
      title: `${request.action} ${request.voice ?? ''}`.trim(),
      ...(request.voice ? { voice: request.voice } : {}),
      state: 'running',
      created: Date.now() / 1000,
      started: Date.now() / 1000,
      ...(request.action === 'train' || request.action === 'resume'
        ? { run: `${request.voice}/finetune` }
        : {}),
    };
    this.jobs.unshift(job);
    this.json(response, job, 202);
    this.jobsChanged();
    const end = (result: Record<string, unknown>) =>
      setTimeout(
        () => (Object.assign(job, { state: 'done', result, ended: Date.now() / 1000 }), this.jobsChanged()),
        60,
      );
    if (job.action === 'hear')
      end({ text: ' It was, he said, a very good idea.', words: [], language: 'en' });
    if (job.action === 'validate')
      end({
        verdict: 'caution',
        findings: [
          { name: 'tokenizer', level: 'ok', value: 'built-in' },
          {
            name: 'disk',
            level: 'problem',
            value: '30 checkpoints need 90 GB, 12 GB are free',
            remedy: 'Keep fewer.',
          },
        ],
        suggestions: [{ key: 'batch_size', from: 128, to: 64, reason: 'More steps for so few clips.' }],
      });
  }

  private voice(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    name: string,
    what: string,
    item: string,
    more: string,
    body: Buffer,
  ): void {
    const json = () => JSON.parse(body.toString() || '{}') as Record<string, unknown>;
    if (!what && request.method === 'DELETE') {
      this.voices = this.voices.filter((each) => each.name !== name);
      this.deleted = `${name} ${url.searchParams.get('training')}`;
      this.changed('voices');
      return this.json(response, { trash: ['trash/x'] });
    }
    switch (what) {
      case 'recordings':
        if (more === 'audio') return this.sound(request, response);
        if (more === 'peaks') return this.peaks(response, url);
        if (more === 'spectrogram') return this.picture(response, url);
        if (request.method === 'DELETE')
          return (this.files.delete(item), this.json(response, { trash: ['trash/x'] }));
        return this.json(response, {
          recordings: [
            ...(name === 'ada'
              ? [
                  {
                    name: 'talk.wav',
                    bytes: 44_000_000,
                    changed: 1,
                    seconds,
                    transcribed: true,
                    playable: true,
                  },
                  {
                    name: 'interview.flac',
                    bytes: 31_000_000,
                    changed: 1,
                    seconds: 1822,
                    transcribed: true,
                    playable: true,
                  },
                  {
                    name: 'lecture on everything.mp3',
                    bytes: 16_000_000,
                    changed: 1,
                    seconds: null,
                    playable: true,
                  },
                ]
              : []),
            ...[...this.files].map(([file, bytes]) => ({
              name: file,
              bytes: bytes.length,
              changed: 1,
              seconds: null,
              playable: true,
            })),
          ],
          skipped: [{ file: 'notes.docx', reason: 'no sound' }],
          uploads: this.unfinished,
        });
      case 'uploads': {
        if (request.method === 'DELETE') {
          const key = url.searchParams.get('key') ?? '';
          this.unfinished = this.unfinished.filter((each) => each.name !== item || each.key !== key);
          return this.json(response, null);
        }
        const total = Number(url.searchParams.get('total'));
        const there = this.files.get(`~${item}`) ?? Buffer.alloc(0);
        if (request.method === 'GET')
          return this.json(response, { name: item, offset: there.length, total, complete: false });
        if (this.files.has(item) && !url.searchParams.has('replace'))
          return this.fail(
            response,
            409,
            'conflict',
            `${item} is there already`,
            'Replace it, or give it another name.',
          );
        const offset = Number(url.searchParams.get('offset') ?? 0);
        if (offset !== there.length)
          return this.fail(response, 409, 'conflict', 'another offset', '', {
            fresh: { name: item, offset: there.length, total, complete: false },
          });
        const now = Buffer.concat([there, body]);
        const complete = now.length >= total;
        this.files.delete(`~${item}`);
        this.files.set(complete ? item : `~${item}`, now);
        if (complete) this.changed(`voice:${name}`);
        return this.json(response, { name: item, offset: now.length, total, complete });
      }
      case 'clips':
        return this.sound(request, response);
      case 'dataset-settings':
        if (request.method === 'PUT') Object.assign(this.datasetSettings, json());
        return this.json(response, this.datasetSettings);
      case 'transcript':
        if (name !== 'ada')
          return this.fail(response, 422, 'input', 'There is no whisper.json', 'Transcribe first.');
        return this.transcript(response, url);
      case 'edits':
        return this.edit(response, json().edits as Edit[]);
      case 'undo':
      case 'redo': {
        const step = this.move(what === 'undo');
        if (!step) return this.fail(response, 400, 'usage', `nothing to ${what}`);
        this.changed('transcript:ada');
        return this.json(response, this.result(true, `${what}: ${step.what}`));
      }
      case 'history': {
        const steps = [...this.history, ...[...this.undone].reverse()];
        if (request.method !== 'POST')
          return this.json(response, {
            done: this.history.length,
            steps: steps.map(({ number, time, what }) => ({ number, time, what, recordings: ['talk.wav'] })),
          });
        const to = Number(json().to);
        const wanted = to === 0 ? 0 : steps.findIndex((each) => each.number === to) + 1;
        if (to !== 0 && wanted === 0)
          return this.fail(response, 409, 'conflict', `there is no step ${to} any more`, '', {
            fresh: { ...this.result(false), recordings: [] },
          });
        while (this.history.length > wanted) this.move(true);
        while (this.history.length < wanted) this.move(false);
        this.changed('transcript:ada');
        return this.json(response, this.result(true));
      }
      case 'report':
        return this.json(response, {
          list: {
            rejected: [
              {
                file: 'talk.wav',
                start: 12.5,
                end: 26.1,
                seconds: 13.6,
                text: 'A sentence that never seems to come to an end',
                reason: 'the clip has 13.6 s, over 11.61 s',
              },
            ],
          },
          lines: this.segments.slice(0, 900).map((each) => ({
            audio: `audio/talk_${String(each.segment).padStart(5, '0')}.wav`,
            recording: each.recording,
            segment: each.segment,
            text: each.text,
            verdict: each.verdict,
            reasons: each.reasons ?? [],
          })),
        });
      case 'statistics':
        return this.json(response, statistics);
      case 'states':
        return this.json(
          response,
          name === 'ada'
            ? [1500, 1000, 500].map((iteration) => ({
                file: `./training/ada/finetune/training_state/${iteration}.state`,
                run: 'finetune',
                iteration,
                epoch: iteration / 50,
                time: 1_795_600_000,
                bytes: 3_400_000_000,
                complete: true,
              }))
            : [],
        );
      case 'configuration':
        if (item === 'plan') {
          const { epochs, batch_size } = json().settings as { epochs: number; batch_size: number };
          const epoch = Math.ceil(1912 / batch_size);
          return this.json(response, {
            lines: 1912,
            iterations_per_epoch: epoch,
            iterations: epoch * epochs,
            save_every: 5 * epoch,
            checkpoints: Math.ceil(epochs / 5),
          });
        }
        if (item === 'import')
          return this.json(response, {
            settings: { ...this.trainingSettings, epochs: 77 },
            from: 'training/ada/train.json',
          });
        if (request.method === 'PUT') {
          const values = json().settings as Values;
          if (Number(values.epochs) > 500_000)
            return this.fail(
              response,
              400,
              'usage',
              'epochs is too large',
              'Choose less.',
              {},
              { key: 'epochs' },
            );
          Object.assign(this.trainingSettings, values);
          this.changed(`configuration:${name}`);
        }
        return this.json(response, {
          settings: this.trainingSettings,
          exists: name === 'ada',
          etag: '"1"',
          dataset: { train_lines: 1912, validation_lines: 40 },
          remarks: [],
        });
      case 'yaml':
        if (request.method === 'PUT') {
          const text = body.toString();
          const bad = text
            .split('\n')
            .findIndex((line) => line.includes('\t') || /^\s*niter: *[a-z]/.test(line));
          if (bad >= 0)
            return this.fail(
              response,
              422,
              'input',
              `train.yaml:${bad + 1}: niter must be a whole number`,
              'Correct the value.',
              {},
              { line: bad + 1, column: 3 },
            );
          if (!url.searchParams.has('check')) this.yaml = text;
          response.setHeader('ETag', '"y2"');
          return this.json(response, { etag: '"y2"', saved: true });
        }
        response.setHeader('ETag', '"y1"');
        response.setHeader('Content-Type', 'application/yaml');
        return void response.end(this.yaml);
    }
    this.json(response, this.voices.find((each) => each.name === name) ?? {}, 200);
  }

  private transcript(response: ServerResponse, url: URL): void {
    const recording = url.searchParams.get('recording');
    const words = url.searchParams.has('words');
    const segments = this.segments
      .filter((each) => !recording || each.recording === recording)
      .map(({ words: spoken, ...rest }) => (words ? { ...rest, words: spoken ?? [] } : rest));
    const etag = `"t${this.digest}${url.search}"`;
    response.setHeader('ETag', etag);
    this.json(response, {
      voice: 'ada',
      recordings: ['talk.wav', 'interview.flac'].map((name) => ({
        recording: name,
        digest: `d${this.digest}`,
        language: this.languages[name],
        segments: this.segments.filter((each) => each.recording === name).length,
        seconds,
      })),
      segments,
      history: this.steps(),
    });
  }
  private move(back: boolean): Step | undefined {
    const [from, to] = back ? [this.history, this.undone] : [this.undone, this.history];
    const step = from.pop();
    if (!step) return;
    to.push({ ...step, segments: this.segments, languages: this.languages });
    ({ segments: this.segments, languages: this.languages } = step);
    this.digest++;
    return step;
  }
  private steps() {
    return {
      undo: this.history.at(-1)?.what ?? null,
      redo: this.undone.at(-1)?.what ?? null,
      steps: this.history.length + this.undone.length,
    };
  }
  private result(changed: boolean, what = ''): EditResult {
    const recordings = ['talk.wav', 'interview.flac'].map((name) => ({
      recording: name,
      digest: `d${this.digest}`,
      language: this.languages[name]!,
      text: '',
      segments: this.segments
        .filter((each) => each.recording === name)
        .map(({ verdict: _, scores: __, reasons: ___, ...rest }) => rest),
    }));
    return { changed, what, notes: [], recordings, history: this.steps() };
  }
  private edit(response: ServerResponse, edits: Edit[]): void {
    if (edits.some((edit) => edit.seen && edit.seen !== `d${this.digest}`))
      return this.fail(response, 409, 'conflict', 'talk.wav was changed meanwhile', 'Look at it again.', {
        fresh: this.result(false),
      });
    const before = { segments: this.segments, languages: this.languages };
    let now = [...this.segments];
    for (const edit of edits) {
      if (edit.edit === 'language') {
        if (!/^([a-z]{2,3})?$/.test(edit.value ?? ''))
          return this.fail(response, 400, 'usage', `there is no language "${edit.value}"`, 'Give a code.');
        this.languages = { ...this.languages, [edit.recording]: edit.value ?? '' };
        continue;
      }
      if (edit.segment === undefined) {
        const mine = (each: Segment) => each.recording === edit.recording;
        if (edit.edit === 'delete') now = now.filter((each) => !mine(each));
        else now = now.map((each) => (mine(each) ? { ...each, accepted: edit.edit === 'accept' } : each));
        continue;
      }
      const at = now.findIndex((each) => each.recording === edit.recording && each.segment === edit.segment);
      const old = now[at];
      if (!old) return this.fail(response, 400, 'usage', 'there is no such segment');
      const next = now.slice(at + 1).find((each) => each.recording === old.recording);
      const changed = { ...old, verdict: null, edited: true, accepted: false };
      if (edit.edit === 'text') now[at] = { ...changed, text: edit.value ?? '' };
      else if (edit.edit === 'accept') now[at] = { ...old, accepted: true };
      else if (edit.edit === 'unaccept') now[at] = { ...old, accepted: false };
      else if (edit.edit === 'delete') now.splice(at, 1);
      else if (edit.edit === 'speaker') now[at] = { ...old, speaker: edit.value ?? '' };
      else if (edit.edit === 'merge' && next) {
        now[at] = { ...changed, end: next.end, text: old.text + next.text };
        now = now.filter((each) => each !== next);
      } else if (edit.edit === 'split') {
        const time = edit.time ?? (old.start + old.end) / 2;
        const id = Math.max(...now.map((each) => each.segment)) + 1;
        now.splice(at, 1, { ...changed, end: time }, { ...changed, segment: id, start: time });
      } else if (edit.edit === 'move-boundary') {
        now[at] = { ...changed, start: edit.start ?? old.start, end: edit.border ?? edit.end ?? old.end };
        if (edit.border !== undefined && next) now[now.indexOf(next)] = { ...next, start: edit.border };
      }
    }
    const { edit: kind, recording, segment } = edits[0]!;
    this.history.push({
      number: ++this.stepNumber,
      time: 1_795_600_000 + this.stepNumber,
      what: `${kind} ${recording}${segment === undefined ? '' : `:${segment}`}${edits.length > 1 ? `; and ${edits.length - 1} edits more` : ''}`,
      ...before,
    });
    this.undone = [];
    this.segments = now;
    this.digest++;
    this.json(response, this.result(true));
    this.changed('transcript:ada');
  }

  private peaks(response: ServerResponse, url: URL): void {
    const from = Number(url.searchParams.get('from') ?? 0);
    const to = Number(url.searchParams.get('to') ?? seconds);
    const columns = Math.min(
      Number(url.searchParams.get('columns') ?? 2000),
      Math.ceil(((to - from) * rate) / 256),
    );
    const out = new Int8Array(columns * 2);
    for (let i = 0; i < columns; i++) {
      const at = from + ((i + 0.5) / columns) * (to - from);
      const size = loud(at) * (0.75 + 0.25 * Math.sin(at * 431));
      out[2 * i] = -127 * size;
      out[2 * i + 1] = 120 * size;
    }
    response.setHeader('X-Seconds', seconds);
    response.setHeader('X-From', from);
    response.setHeader('X-To', to);
    response.end(Buffer.from(out.buffer));
  }
  private picture(response: ServerResponse, url: URL): void {
    const from = Number(url.searchParams.get('from'));
    const to = Number(url.searchParams.get('to'));
    const columns = Math.min(1000, Number(url.searchParams.get('columns') ?? 1000));
    const out = Buffer.alloc(columns * 80);
    for (let i = 0; i < columns; i++) {
      const at = from + (i / columns) * (to - from);
      const pitch = 6 + 2 * Math.sin(at * 3);
      for (let band = 0; band < 80; band++)
        out[i * 80 + band] =
          40 +
          190 * loud(at) * Math.max(0, Math.cos((band / pitch) * Math.PI * 2)) * Math.exp(-band / 42) +
          20 * Math.sin(band + at * 91);
    }
    response.setHeader('X-Bands', 80);
    response.setHeader('X-From', from);
    response.setHeader('X-To', to);
    response.end(out);
  }

  private sound(request: IncomingMessage, response: ServerResponse): void {
    const total = 44 + seconds * rate * 2;
    const range = /bytes=(\d+)-(\d*)/.exec(request.headers.range ?? '');
    const first = range ? Number(range[1]) : 0;
    const last = Math.min(range?.[2] ? Number(range[2]) : first + 2_000_000, total - 1);
    const out = Buffer.alloc(last - first + 1);
    const head = wavHead(seconds * rate);
    for (let i = 0; i < out.length; i++) {
      const at = first + i;
      if (at < 44) out[i] = head[at]!;
      else if ((at - 44) % 2 === 0 && i + 1 < out.length)
        out.writeInt16LE(Math.round(9000 * loud((at - 44) / 2 / rate) * Math.sin(((at - 44) / 2) * 0.06)), i);
    }
    response.writeHead(206, {
      'Content-Type': 'audio/wav',
      'Content-Range': `bytes ${first}-${last}/${total}`,
      'Accept-Ranges': 'bytes',
    });
    response.end(out);
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
  private json(response: ServerResponse, value: unknown, status = 200): void {
    response.writeHead(status, { 'Content-Type': 'application/json' });
    response.end(JSON.stringify(value));
  }
  private fail(
    response: ServerResponse,
    status: number,
    kind: string,
    what: string,
    hint = '',
    more: Record<string, unknown> = {},
    detail: Record<string, unknown> = {},
  ): void {
    this.json(response, { error: { what, hint, kind, ...detail }, ...more }, status);
  }
}

const loud = (at: number) =>
  at % 4 > 3.5 ? 0.02 : Math.abs(Math.sin(at * 2.1) * Math.sin(at * 0.77 + 1)) ** 0.7 * 0.85 + 0.03;

function wavHead(samples: number): Buffer {
  const head = Buffer.alloc(44);
  head.write('RIFF', 0);
  head.writeUInt32LE(36 + samples * 2, 4);
  head.write('WAVEfmt ', 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(1, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt32LE(rate * 2, 28);
  head.writeUInt16LE(2, 32);
  head.writeUInt16LE(16, 34);
  head.write('data', 36);
  head.writeUInt32LE(samples * 2, 40);
  return head;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
