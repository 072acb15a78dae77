// One request to the stand-in server, and its answer.
import type { IncomingMessage, ServerResponse } from 'node:http';

export class Call {
  readonly method: string;
  readonly area: string;
  readonly name: string;
  readonly what: string;
  readonly item: string;
  readonly more: string;

  /** Paths are /api/area/name/what/item/more. */
  constructor(
    readonly request: IncomingMessage,
    readonly response: ServerResponse,
    readonly url: URL,
    path: string[],
    readonly bytes: Buffer,
  ) {
    this.method = request.method ?? 'GET';
    const [, area = '', name = '', what = '', item = '', more = ''] = path;
    this.area = area;
    this.name = name;
    this.what = what;
    this.item = item;
    this.more = more;
  }

  get text(): string {
    return this.bytes.toString();
  }
  body(): Record<string, unknown> {
    return JSON.parse(this.text || '{}') as Record<string, unknown>;
  }

  json(value: unknown, status = 200): void {
    this.response.writeHead(status, { 'Content-Type': 'application/json' });
    this.response.end(JSON.stringify(value));
  }
  fail(
    status: number,
    kind: string,
    what: string,
    hint = '',
    more: Record<string, unknown> = {},
    detail: Record<string, unknown> = {},
  ): void {
    this.json({ error: { what, hint, kind, ...detail }, ...more }, status);
  }
}

export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}
