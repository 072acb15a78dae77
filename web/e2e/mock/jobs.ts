// Jobs, those that end by themselves within a moment, and the queue.
import type { Job } from '../../src/lib/types';
import type { Call } from './call';
import type { World } from './world';

export function jobs(world: World, call: Call): void {
  const { name, what } = call;
  if (!name && call.method === 'POST') return newJob(world, call);
  if (what === 'events')
    return call.json({
      events: world.events.filter((each) => each.job === name),
      next: world.sequence,
    });
  if (call.method === 'DELETE') {
    world.jobs = world.jobs.filter((each) => each.id !== name);
    world.jobsChanged();
    return call.json(null);
  }
  if (what === 'move') {
    world.queue.waiting = world.queue.waiting.filter((id) => id !== name);
    world.queue.waiting.splice(Number(call.body().position), 0, name);
    return call.json(world.queue);
  }
  if (what === 'stop') {
    const job = world.jobs.find((each) => each.id === name);
    if (job) job.state = job.state === 'stopping' ? 'stopped' : 'stopping';
    world.jobsChanged();
    return call.json(job, 202);
  }
  return call.json(world.jobs.find((each) => each.id === name) ?? { jobs: world.jobs, queue: world.queue });
}

export function queue(world: World, call: Call): void {
  if (call.method === 'PUT') world.queue.paused = Boolean(call.body().paused);
  return call.json(world.queue);
}

function newJob(world: World, call: Call): void {
  const request = call.body() as unknown as Job & { recording?: string };
  world.asked = { ...request };
  const job: Job = {
    id: `j${world.jobs.length + 1}`,
    action: request.action,
    title: `${request.action} ${request.voice ?? ''}`.trim(),
    ...(request.voice ? { voice: request.voice } : {}),
    state: call.body().queue ? 'waiting' : 'running',
    created: Date.now() / 1000,
    started: Date.now() / 1000,
    ...(request.action === 'train' || request.action === 'resume'
      ? { run: `${request.voice}/finetune` }
      : {}),
  };
  world.jobs.unshift(job);
  call.json(job, 202);
  world.jobsChanged();
  if (world.failure) {
    const error = world.failure;
    setTimeout(() => (Object.assign(job, { state: 'failed', error }), world.jobsChanged()), 150);
    return;
  }
  const end = (result: Record<string, unknown>) =>
    setTimeout(
      () => (Object.assign(job, { state: 'done', result, ended: Date.now() / 1000 }), world.jobsChanged()),
      60,
    );
  // What makes a model tells how far it is as soon as it is under way.
  if (['init', 'convert', 'merge'].includes(job.action))
    setTimeout(() => ((job.progress = { stage: 'init' }), world.jobsChanged()), 60);
  if (job.action === 'hear') end({ text: ' It was, he said, a very good idea.', words: [], language: 'en' });
  if (job.action === 'import') end({ files: 12, bytes: 4_000_000, linked: 0, kept: 3, skipped: 0 });
  if (job.action === 'validate')
    end({
      verdict: 'caution',
      findings: [
        { name: 'tokenizer', level: 'ok', value: 'built-in' },
        {
          name: 'disk',
          level: 'problem',
          value: '30 checkpoints need 90 GB, 12 GB are free',
          remedy: 'Keep fewer.',
        },
      ],
      suggestions: [{ key: 'batch_size', from: 128, to: 64, reason: 'More steps for so few clips.' }],
    });
}
