// A wire between the page and the program that can break: it gives the page out of dist/, so that the program need not be
// built anew for it, and passes everything else on. While it is `cut`, nothing passes, and nobody is told: what a laptop
// that slept or lost its network finds. What was open then stays dead.
import { readFileSync } from 'node:fs';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import type { AddressInfo } from 'node:net';

const dist = join(import.meta.dirname, '../dist');
const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

export class Front {
  private readonly http: Server;
  private readonly held: (() => void)[] = []; // requests that came while it was cut
  private age = 0; // grows with each cut: what is older is dead
  private isCut = false;

  readonly target: string;

  constructor(target: string) {
    this.target = target;
    this.http = createServer((asked, answer) => this.pass(asked, answer));
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((done) => this.http.listen(port, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.http.address() as AddressInfo).port}`;
  }
  async stop(): Promise<void> {
    this.http.closeAllConnections();
    await new Promise((done) => this.http.close(done));
  }

  cut(): void {
    this.isCut = true;
    this.age++;
  }
  mend(): void {
    this.isCut = false;
    this.held.splice(0).forEach((pass) => pass());
  }

  private pass(asked: IncomingMessage, answer: ServerResponse): void {
    if (this.isCut) return void this.held.push(() => this.pass(asked, answer));
    const path = new URL(asked.url ?? '/', 'http://x').pathname;
    if (path === '/' || /^\/(assets\/[^/]+|theme\.js|login\.(js|css)|icon\.svg)$/.test(path))
      return file(path, answer);
    const age = this.age;
    const onward = request(
      `${this.target}${asked.url}`,
      { method: asked.method, headers: asked.headers },
      (came) => {
        if (age !== this.age) return;
        answer.writeHead(came.statusCode!, came.headers);
        answer.flushHeaders();
        came.on('data', (piece: Buffer) => age === this.age && answer.write(piece));
        came.on('end', () => age === this.age && answer.end());
        came.on('error', () => age === this.age && answer.destroy());
      },
    );
    onward.on('error', () => age === this.age && answer.destroy());
    answer.on('close', () => onward.destroy());
    asked.pipe(onward);
  }
}

function file(path: string, answer: ServerResponse): void {
  const name = path === '/' ? '/index.html' : path;
  try {
    const bytes = readFileSync(join(dist, name));
    answer.setHeader('Content-Type', types[extname(name)] ?? 'application/octet-stream');
    answer.end(bytes);
  } catch {
    answer.writeHead(404).end();
  }
}
