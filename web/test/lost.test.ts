import { expect, test } from 'vitest';
import { lostRows } from '../src/lib/lost';

test('what is lost: rejected of each step once, then what is doubtful', () => {
  const rejected = { file: 'a.wav', start: 1, end: 2, reason: 'too long', text: 'Words' };
  const rows = lostRows({
    slice: { rejected: [rejected, { file: 'b.wav', reason: 'unreadable' }] },
    list: { rejected: [rejected] },
    lines: [
      {
        audio: 'audio/c_00001.wav',
        recording: 'c.wav',
        segment: 1,
        text: ' Hm.',
        verdict: 'doubtful',
        reasons: ['noisy', 'short'],
      },
      { text: 'fine', verdict: 'good' },
    ],
  });
  expect(rows).toEqual([
    { verdict: 'rejected', name: 'a.wav', start: 1, end: 2, text: 'Words', reason: 'too long', clip: '' },
    { verdict: 'rejected', name: 'b.wav', text: '', reason: 'unreadable', clip: '' },
    {
      verdict: 'doubtful',
      name: 'c.wav',
      segment: 1,
      text: 'Hm.',
      reason: 'noisy · short',
      clip: 'c_00001.wav',
    },
  ]);
  expect(lostRows({})).toEqual([]);
  expect(lostRows({ slice: null, list: { rejected: 'x' } })).toEqual([]);
});
