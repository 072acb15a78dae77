// Server-Sent Events out of the bytes of an answer. Read by hand, not by EventSource, so that the server's
// heartbeats are seen and a dead connection is told from a quiet one.

export interface ServerEvent {
  type: string;
  data: string;
  id: string | null;
}

export class EventParser {
  private rest = '';
  private type = '';
  private data: string[] = [];
  private id: string | null = null;

  /** Takes a piece, cut anywhere; gives the events that are complete. */
  push(piece: string): ServerEvent[] {
    const out: ServerEvent[] = [];
    this.rest += piece;
    // A "\r" at the very end may be half of a line end: it waits.
    const lines = this.rest.split(/\r\n|\n|\r(?!$)/);
    this.rest = lines.pop()!;
    for (const line of lines) {
      const event = this.line(line);
      if (event) out.push(event);
    }
    return out;
  }

  private line(line: string): ServerEvent | null {
    if (line === '') {
      const event = this.data.length
        ? { type: this.type || 'message', data: this.data.join('\n'), id: this.id }
        : null;
      this.type = '';
      this.data = [];
      this.id = null;
      return event;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null; // a comment
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.type = value;
    else if (field === 'id') this.id = value;
    return null;
  }
}
