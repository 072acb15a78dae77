// One file, in pieces, each from where the server says it stands: so it goes on after a broken connection, a
// restart of the server, or in a page opened the next day.
import { ApiError } from './api';
import type { Problem, Upload } from './types';

export interface Transport {
  state(): Promise<Upload>;
  send(offset: number, piece: Blob): Promise<Upload>;
  wait(milliseconds: number): Promise<void>;
}

export const pieceBytes = 4 * 1024 * 1024;

/** Throws ApiError for what trying again cannot mend; network errors and what is wrong on the server are waited out.
 * `trouble`: why it does not go on, from the second failure in a row; null when it does. */
export async function uploadFile(
  file: Blob,
  transport: Transport,
  progress: (offset: number) => void,
  signal: AbortSignal,
  trouble: (problem: Problem | null) => void = () => {},
): Promise<void> {
  let failures = 0;
  let offset = -1; // not known
  while (!signal.aborted) {
    try {
      if (offset < 0) {
        const state = await transport.state();
        if (state.complete) return progress(file.size);
        offset = state.offset;
      }
      progress(offset);
      const state = await transport.send(offset, file.slice(offset, offset + pieceBytes));
      if (failures > 1) trouble(null);
      failures = 0;
      offset = state.offset;
      progress(offset);
      if (state.complete) return;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const fresh = error.fresh as Partial<Upload> | null;
      // Another offset than ours: from there. The same: it is the name that is taken.
      if (error.status === 409 && typeof fresh?.offset === 'number' && fresh.offset !== offset)
        offset = fresh.offset;
      else if ([0, 408, 423, 503].includes(error.status)) {
        if (failures > 0) trouble(error.problem);
        await transport.wait(Math.min(5000, 500 * 2 ** failures++));
        offset = -1;
      } else throw error;
    }
  }
}
