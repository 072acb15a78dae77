// The transcript, its edits and their history, and what the dataset made of it.
import type { Edit, EditResult, Segment } from '../../src/lib/types';
import type { Call } from './call';
import { seconds } from './sounds';
import type { Step, World } from './world';

export function transcript(world: World, call: Call): void {
  const { name, url, response } = call;
  if (name !== 'ada') return call.fail(422, 'input', 'There is no whisper.json', 'Transcribe first.');
  const recording = url.searchParams.get('recording');
  const words = url.searchParams.has('words');
  const segments = world.segments
    .filter((each) => !recording || each.recording === recording)
    .map(({ words: spoken, ...rest }) => (words ? { ...rest, words: spoken ?? [] } : rest));
  const etag = `"t${world.digest}${url.search}"`;
  response.setHeader('ETag', etag);
  call.json({
    voice: 'ada',
    recordings: ['talk.wav', 'interview.flac'].map((name) => ({
      recording: name,
      digest: `d${world.digest}`,
      language: world.languages[name],
      segments: world.segments.filter((each) => each.recording === name).length,
      seconds,
    })),
    segments,
    history: steps(world),
  });
}
function move(world: World, back: boolean): Step | undefined {
  const [from, to] = back ? [world.history, world.undone] : [world.undone, world.history];
  const step = from.pop();
  if (!step) return;
  to.push({ ...step, segments: world.segments, languages: world.languages });
  ({ segments: world.segments, languages: world.languages } = step);
  world.digest++;
  return step;
}
function steps(world: World) {
  return {
    undo: world.history.at(-1)?.what ?? null,
    redo: world.undone.at(-1)?.what ?? null,
    steps: world.history.length + world.undone.length,
  };
}
function result(world: World, changed: boolean, what = ''): EditResult {
  const recordings = ['talk.wav', 'interview.flac'].map((name) => ({
    recording: name,
    digest: `d${world.digest}`,
    language: world.languages[name]!,
    text: '',
    segments: world.segments
      .filter((each) => each.recording === name)
      .map(({ verdict: _, scores: __, reasons: ___, ...rest }) => rest),
  }));
  return { changed, what, notes: [], recordings, history: steps(world) };
}

export function edits(world: World, call: Call): void {
  if (world.refusal) {
    const { status, kind, what, hint } = world.refusal;
    return call.fail(status, kind, what, hint);
  }
  const edits = call.body().edits as Edit[];
  if (edits.some((edit) => edit.seen && edit.seen !== `d${world.digest}`))
    return call.fail(409, 'conflict', 'talk.wav was changed meanwhile', 'Look at it again.', {
      fresh: result(world, false),
    });
  const before = { segments: world.segments, languages: world.languages };
  let now = [...world.segments];
  for (const edit of edits) {
    if (edit.edit === 'language') {
      if (!/^([a-z]{2,3})?$/.test(edit.value ?? ''))
        return call.fail(400, 'usage', `there is no language "${edit.value}"`, 'Give a code.');
      world.languages = { ...world.languages, [edit.recording]: edit.value ?? '' };
      continue;
    }
    if (edit.segment === undefined) {
      const mine = (each: Segment) => each.recording === edit.recording;
      if (edit.edit === 'delete') now = now.filter((each) => !mine(each));
      else now = now.map((each) => (mine(each) ? { ...each, accepted: edit.edit === 'accept' } : each));
      continue;
    }
    const at = now.findIndex((each) => each.recording === edit.recording && each.segment === edit.segment);
    const old = now[at];
    if (!old) return call.fail(400, 'usage', 'there is no such segment');
    const next = now.slice(at + 1).find((each) => each.recording === old.recording);
    const changed = { ...old, verdict: null, edited: true, accepted: false };
    if (edit.edit === 'text') now[at] = { ...changed, text: edit.value ?? '' };
    else if (edit.edit === 'accept') now[at] = { ...old, accepted: true };
    else if (edit.edit === 'unaccept') now[at] = { ...old, accepted: false };
    else if (edit.edit === 'delete') now.splice(at, 1);
    else if (edit.edit === 'speaker') now[at] = { ...old, speaker: edit.value ?? '' };
    else if (edit.edit === 'merge' && next) {
      now[at] = { ...changed, end: next.end, text: old.text + next.text };
      now = now.filter((each) => each !== next);
    } else if (edit.edit === 'split') {
      const time = edit.time ?? (old.start + old.end) / 2;
      const id = Math.max(...now.map((each) => each.segment)) + 1;
      now.splice(at, 1, { ...changed, end: time }, { ...changed, segment: id, start: time });
    } else if (edit.edit === 'move-boundary') {
      now[at] = { ...changed, start: edit.start ?? old.start, end: edit.border ?? edit.end ?? old.end };
      if (edit.border !== undefined && next) now[now.indexOf(next)] = { ...next, start: edit.border };
    }
  }
  const { edit: kind, recording, segment } = edits[0]!;
  world.history.push({
    number: ++world.stepNumber,
    time: 1_795_600_000 + world.stepNumber,
    what: `${kind} ${recording}${segment === undefined ? '' : `:${segment}`}${edits.length > 1 ? `; and ${edits.length - 1} edits more` : ''}`,
    ...before,
  });
  world.undone = [];
  world.segments = now;
  world.digest++;
  call.json(result(world, true));
  world.changed('transcript:ada');
}

export function undoOrRedo(world: World, call: Call): void {
  const { what } = call;
  const step = move(world, what === 'undo');
  if (!step) return call.fail(400, 'usage', `nothing to ${what}`);
  world.changed('transcript:ada');
  return call.json(result(world, true, `${what}: ${step.what}`));
}

export function history(world: World, call: Call): void {
  const steps = [...world.history, ...[...world.undone].reverse()];
  if (call.method !== 'POST')
    return call.json({
      done: world.history.length,
      steps: steps.map(({ number, time, what }) => ({ number, time, what, recordings: ['talk.wav'] })),
    });
  const to = Number(call.body().to);
  const wanted = to === 0 ? 0 : steps.findIndex((each) => each.number === to) + 1;
  if (to !== 0 && wanted === 0)
    return call.fail(409, 'conflict', `there is no step ${to} any more`, '', {
      fresh: { ...result(world, false), recordings: [] },
    });
  while (world.history.length > wanted) move(world, true);
  while (world.history.length < wanted) move(world, false);
  world.changed('transcript:ada');
  return call.json(result(world, true));
}

export function report(world: World, call: Call): void {
  return call.json({
    list: {
      rejected: [
        {
          file: 'talk.wav',
          start: 12.5,
          end: 26.1,
          seconds: 13.6,
          text: 'A sentence that never seems to come to an end',
          reason: 'the clip has 13.6 s, over 11.61 s',
        },
      ],
    },
    lines: world.segments.slice(0, 900).map((each) => ({
      audio: `audio/talk_${String(each.segment).padStart(5, '0')}.wav`,
      recording: each.recording,
      segment: each.segment,
      text: each.text,
      verdict: each.verdict,
      reasons: each.reasons ?? [],
    })),
  });
}
