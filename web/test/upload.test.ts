import { expect, test } from 'vitest';
import { ApiError } from '../src/lib/api';
import { pieceBytes, uploadFile, type Transport } from '../src/lib/upload';

const size = pieceBytes * 2 + 5;
const file = new Blob([new Uint8Array(size)]);

/** A server that keeps bytes, and fails as told. */
function server(failures: ((offset: number) => ApiError | null)[] = []) {
  let there = 0;
  const waits: number[] = [];
  const state = () => ({ name: 'x', offset: there, total: size, complete: there === size });
  const transport: Transport = {
    state: async () => state(),
    send: async (offset, piece) => {
      const error = failures.shift()?.(offset);
      if (error) throw error;
      if (offset !== there) throw new ApiError(409, { what: '', hint: '', kind: 'conflict' }, state());
      there += piece.size;
      return state();
    },
    wait: async (milliseconds) => void waits.push(milliseconds),
  };
  return { transport, waits, there: () => there, set: (bytes: number) => (there = bytes) };
}
const offline = () => new ApiError(0, { what: '', hint: '', kind: 'network' });

test('goes piece by piece', async () => {
  const { transport, there } = server();
  const told: number[] = [];
  await uploadFile(file, transport, (offset) => told.push(offset), new AbortController().signal);
  expect(there()).toBe(size);
  expect(told.at(-1)).toBe(size);
});
test('goes on where it was', async () => {
  const { transport, there, set } = server();
  set(pieceBytes + 7);
  const told: number[] = [];
  await uploadFile(file, transport, (offset) => told.push(offset), new AbortController().signal);
  expect(told[0]).toBe(pieceBytes + 7);
  expect(there()).toBe(size);
});
test('waits out a lost connection, longer each time, and asks how much arrived', async () => {
  const { transport, there, waits, set } = server([
    offline,
    offline,
    () => (set(pieceBytes), offline()),
    () => null,
  ]);
  await uploadFile(file, transport, () => {}, new AbortController().signal);
  expect(there()).toBe(size);
  expect(waits).toEqual([500, 1000, 2000]);
});
test('tells why it does not go on, but not of a single failure, and when it does', async () => {
  const readOnly = () =>
    new ApiError(503, { what: 'Permission denied', hint: 'Check who owns it.', kind: 'environment' });
  const told: (string | null)[] = [];
  const { transport } = server([offline, () => null, readOnly, readOnly, readOnly]);
  await uploadFile(
    file,
    transport,
    () => {},
    new AbortController().signal,
    (problem) => told.push(problem?.what ?? null),
  );
  expect(told).toEqual(['Permission denied', 'Permission denied', null]);
});
test('follows the server when it stands elsewhere', async () => {
  const { transport, there, set } = server([() => (set(3), null)]);
  await uploadFile(file, transport, () => {}, new AbortController().signal);
  expect(there()).toBe(size);
});
test('gives up on what trying again cannot mend', async () => {
  const { transport } = server([() => new ApiError(400, { what: 'no', hint: '', kind: 'usage' })]);
  await expect(uploadFile(file, transport, () => {}, new AbortController().signal)).rejects.toThrow('no');
});
test('tells that a name is taken', async () => {
  const taken = (offset: number) =>
    new ApiError(409, { what: 'taken', hint: '', kind: 'conflict' }, { offset });
  const { transport } = server([taken]);
  await expect(uploadFile(file, transport, () => {}, new AbortController().signal)).rejects.toThrow('taken');
});
test('ends when it is cancelled', async () => {
  const abort = new AbortController();
  const { transport, there } = server();
  await uploadFile(file, transport, (offset) => offset > 0 && abort.abort(), abort.signal);
  expect(there()).toBe(pieceBytes);
});
