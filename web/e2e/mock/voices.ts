// Voices and their recordings, with those on their way.
import type { Call } from './call';
import { seconds, sound } from './sounds';
import type { World } from './world';

export function voices(world: World, call: Call): void {
  if (call.method === 'POST') return newVoice(world, call);
  return call.json(world.voices);
}

function newVoice(world: World, call: Call): void {
  const { name } = call.body() as { name?: string };
  if (!name || /[/\\]/.test(name))
    return call.fail(400, 'usage', `"${name}" is no name of a voice`, 'Use a plain folder name.');
  const voice = { name, recordings: 0, bytes: 0, changed: 300 };
  world.voices.push(voice);
  world.changed('voices');
  call.json(voice, 201);
}

export function deleteVoice(world: World, call: Call): void {
  const { name, url } = call;
  world.voices = world.voices.filter((each) => each.name !== name);
  world.deleted = `${name} ${url.searchParams.get('training')}`;
  world.changed('voices');
  return call.json({ trash: ['trash/x'] });
}

export function recordings(world: World, call: Call): void {
  const { name, item } = call;
  if (call.method === 'DELETE') return (world.files.delete(item), call.json({ trash: ['trash/x'] }));
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
      ...[...world.files].map(([file, bytes]) => ({
        name: file,
        bytes: bytes.length,
        changed: 1,
        seconds: null,
        playable: true,
      })),
    ],
    skipped: [{ file: 'notes.docx', reason: 'no sound' }],
    uploads: world.unfinished,
    ...(world.damage ? { problem: world.damage } : {}),
  });
}

/** What was sent is given back as it is. */
export function recordingSound(world: World, call: Call): void {
  const sent = world.files.get(call.item);
  return sent ? void call.response.end(sent) : sound(call);
}

export function uploads(world: World, call: Call): void {
  const { name, item, url, bytes: body } = call;
  if (call.method === 'DELETE') {
    const key = url.searchParams.get('key') ?? '';
    world.unfinished = world.unfinished.filter((each) => each.name !== item || each.key !== key);
    return call.json(null);
  }
  const total = Number(url.searchParams.get('total'));
  const there = world.files.get(`~${item}`) ?? Buffer.alloc(0);
  if (call.method === 'GET') return call.json({ name: item, offset: there.length, total, complete: false });
  if (world.files.has(item) && !url.searchParams.has('replace'))
    return call.fail(409, 'conflict', `${item} is there already`, 'Replace it, or give it another name.');
  if (world.readOnly)
    return call.fail(
      503,
      'environment',
      `cannot write voices/${name}: Permission denied`,
      'Check who owns it.',
    );
  const offset = Number(url.searchParams.get('offset') ?? 0);
  if (offset !== there.length)
    return call.fail(409, 'conflict', 'another offset', '', {
      fresh: { name: item, offset: there.length, total, complete: false },
    });
  const now = Buffer.concat([there, body]);
  const complete = now.length >= total;
  world.files.delete(`~${item}`);
  world.files.set(complete ? item : `~${item}`, now);
  if (complete) world.changed(`voice:${name}`);
  return call.json({ name: item, offset: now.length, total, complete });
}
