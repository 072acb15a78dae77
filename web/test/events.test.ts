import { describe, expect, test } from 'vitest';
import { appendColumns, ascending, newest, numberAt, xColumn } from '../src/lib/columns';
import { JobLog } from '../src/lib/joblog';
import { EventParser } from '../src/lib/sse';
import type { JobEvent } from '../src/lib/types';

describe('the stream', () => {
  const text =
    ': beat\n\nevent: job\nid: c1\ndata: {"a":1}\n\nevent: changed\r\ndata: one\r\ndata: two\r\n\r\ndata\n\n';
  const events = [
    { type: 'job', data: '{"a":1}', id: 'c1' },
    { type: 'changed', data: 'one\ntwo', id: null },
    { type: 'message', data: '', id: null },
  ];
  test('comes whole', () => expect(new EventParser().push(text)).toEqual(events));
  test('comes cut anywhere', () => {
    for (const size of [1, 2, 3, 7, 11]) {
      const parser = new EventParser();
      const got = [];
      for (let i = 0; i < text.length; i += size) got.push(...parser.push(text.slice(i, i + size)));
      expect(got).toEqual(events);
    }
  });
  test('an event that is not complete is none', () =>
    expect(new EventParser().push('data: x\n')).toEqual([]));
});

const log = (seq: number, message: string): JobEvent => ({
  seq,
  time: seq,
  type: 'log',
  level: 'info',
  message,
});
const texts = (job: JobLog) => job.lines.map((line) => line.text);

describe('a job’s console', () => {
  test('has each line once, whatever overlaps', () => {
    const job = new JobLog();
    job.live(log(3, 'c')); // before the file was read
    job.loaded([log(1, 'a'), log(2, 'b'), log(3, 'c')]);
    job.live(log(3, 'c'));
    job.live(log(4, 'd'));
    job.live(log(4, 'd'));
    expect(texts(job)).toEqual(['a', 'b', 'c', 'd']);
  });
  test('loses nothing that came while the file was read', () => {
    const job = new JobLog();
    job.live(log(2, 'b'));
    job.live(log(3, 'c'));
    job.loaded([log(1, 'a'), log(2, 'b')]);
    expect(texts(job)).toEqual(['a', 'b', 'c']);
  });
  test('tells kinds apart', () => {
    const job = new JobLog();
    job.loaded([
      { seq: 1, time: 0, type: 'failed', reason: 'No room.', hint: 'Free some.' },
      { seq: 2, time: 0, type: 'metric', it: 3, loss: 0.123456789 },
      { ...log(3, 'w'), level: 'warning' },
    ]);
    expect(job.lines.map((line) => line.level)).toEqual(['error', 'verbose', 'warning']);
    expect(job.lines[0]!.text).toBe('No room. Free some.');
    expect(job.lines[1]!.text).toBe('metric it=3 loss=0.12346');
  });
  test('is bounded', () => {
    const job = new JobLog();
    job.loaded(Array.from({ length: 50_000 }, (_, i) => log(i + 1, 'x')));
    expect(job.lines.length).toBeLessThanOrEqual(22_000);
    expect(job.lines.at(-1)!.seq).toBe(50_000);
  });
});

describe('series', () => {
  test('grow', () => {
    expect(appendColumns({ it: [1, 2], loss: [5, 4] }, { it: [3], loss: [3], lr: [1] })).toEqual({
      it: [1, 2, 3],
      loss: [5, 4, 3],
      lr: [null, null, 1],
    });
    const old = { it: [1] };
    expect(appendColumns(old, {})).toBe(old);
  });
  test('that went back to a checkpoint keep what came later', () => {
    expect(appendColumns({ it: [1, 2, 3], loss: [5, 4, 9] }, { it: [2, 3], loss: [4.5, 4] })).toEqual({
      it: [1, 2, 3],
      loss: [5, 4.5, 4],
    });
    expect(ascending({ it: [1, 2, 3, 2, 3, 4], loss: [1, 2, 3, 4, 5, 6] })).toEqual({
      it: [1, 2, 3, 4],
      loss: [1, 4, 5, 6],
    });
  });
  test('lie along iterations, epochs with their fraction, or time', () => {
    const columns = {
      it: [1, 2, 3],
      epoch: [1, 1, 2],
      step: [1, 2, 1],
      steps: [2, 2, 2],
      time: [100, 104, 110],
    };
    expect([...xColumn(columns, 'it')]).toEqual([1, 2, 3]);
    expect([...xColumn(columns, 'epoch')]).toEqual([0.5, 1, 1.5]);
    expect([...xColumn(columns, 'time')]).toEqual([0, 4, 10]);
  });
  test('are looked up', () => {
    const columns = { it: [10, 20, 30], loss: [3, null, 1], other: [null, null, null] };
    expect(newest(columns, 'loss')).toBe(1);
    expect(newest(columns, 'other')).toBeNull();
    expect(numberAt(columns, 'loss', 12, 5)).toBe(3);
    expect(numberAt(columns, 'loss', 20, 5)).toBeNull();
    expect(numberAt(columns, 'loss', 20, 10)).toBe(1);
    expect(numberAt(undefined, 'loss', 20, 10)).toBeNull();
  });
});
