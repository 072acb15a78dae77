// A stand-in for the server, for tests of the page alone: it keeps a small world in memory and answers as
// docs/openapi.yaml says; what it answers to each subject is in mock/. Sounds are computed.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { bodyOf, Call } from './mock/call';
import * as configuring from './mock/configuring';
import * as curating from './mock/curating';
import { schemas, statistics } from './mock/data';
import { jobs, queue } from './mock/jobs';
import { guard } from './mock/login';
import { models, tokenizers } from './mock/models';
import { runs } from './mock/runs';
import { peaks, picture, sound } from './mock/sounds';
import { settings, system, trash } from './mock/system';
import { deleteVoice, recordings, recordingSound, uploads, voices } from './mock/voices';
import { World } from './mock/world';

const types: Record<string, string> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
export const policy =
  "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; object-src 'none'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'";

export class Mock extends World {
  private http: Server;

  constructor(private readonly dist: string) {
    super();
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

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://x');
    const path = url.pathname.split('/').filter(Boolean).map(decodeURIComponent);
    response.setHeader('Content-Security-Policy', policy);
    if (await guard(this.token, url.pathname, request, response)) return;
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
          token: this.token !== '',
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
        if (call.more === 'audio') return recordingSound(this, call);
        if (call.more === 'peaks') return peaks(call);
        if (call.more === 'spectrogram') return picture(call);
        return recordings(this, call);
      case 'uploads':
        return uploads(this, call);
      case 'clips':
        if (this.silent.includes(call.item))
          return call.fail(404, 'not_found', `there is no clip ${call.item}`, 'Slice first.');
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
