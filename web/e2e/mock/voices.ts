// Voices and their recordings, with those on their way.
import type { Mock } from '../mock';
import type { Call } from './call';
import { seconds } from './sounds';

export function voices(mock: Mock, call: Call): void {
  if (call.method === 'POST') return newVoice(mock, call);
  return call.json(mock.voices);
}

function newVoice(mock: Mock, call: Call): void {
  const { name } = call.body() as { name?: string };
  if (!name || /[/\\]/.test(name))
    return call.fail(400, 'usage', `"${name}" is no name of a voice`, 'Use a plain folder name.');
  const voice = { name, recordings: 0, bytes: 0, changed: 300 };
  mock.voices.push(voice);
  mock.changed('voices');
  call.json(voice, 201);
}

export function deleteVoice(mock: Mock, call: Call): void {
  const { name, url } = call;
  mock.voices = mock.voices.filter((each) => each.name !== name);
  mock.deleted = `${name} ${url.searchParams.get('training')}`;
  mock.changed('voices');
  return call.json({ trash: ['trash/x'] });
}

export function recordings(mock: Mock, call: Call): void {
  const { name, item } = call;
  if (call.method === 'DELETE') return (mock.files.delete(item), call.json({ trash: ['trash/x'] }));
  return call.json({
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
      ...[...mock.files].map(([file, bytes]) => ({
        name: file,
        bytes: bytes.length,
        changed: 1,
        seconds: null,
        playable: true,
      })),
    ],
    skipped: [{ file: 'notes.docx', reason: 'no sound' }],
    uploads: mock.unfinished,
  });
}

export function uploads(mock: Mock, call: Call): void {
  const { name, item, url, bytes: body } = call;
  if (call.method === 'DELETE') {
    const key = url.searchParams.get('key') ?? '';
    mock.unfinished = mock.unfinished.filter((each) => each.name !== item || each.key !== key);
    return call.json(null);
  }
  const total = Number(url.searchParams.get('total'));
  const there = mock.files.get(`~${item}`) ?? Buffer.alloc(0);
  if (call.method === 'GET') return call.json({ name: item, offset: there.length, total, complete: false });
  if (mock.files.has(item) && !url.searchParams.has('replace'))
    return call.fail(409, 'conflict', `${item} is there already`, 'Replace it, or give it another name.');
  const offset = Number(url.searchParams.get('offset') ?? 0);
  if (offset !== there.length)
    return call.fail(409, 'conflict', 'another offset', '', {
      fresh: { name: item, offset: there.length, total, complete: false },
    });
  const now = Buffer.concat([there, body]);
  const complete = now.length >= total;
  mock.files.delete(`~${item}`);
  mock.files.set(complete ? item : `~${item}`, now);
  if (complete) mock.changed(`voice:${name}`);
  return call.json({ name: item, offset: now.length, total, complete });
}
