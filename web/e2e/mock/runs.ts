// Trainings: their runs, metrics, samples and checkpoints.
import type { Call } from './call';
import { metricsOf } from './data';
import { sound } from './sounds';
import type { World } from './world';

export function runs(world: World, call: Call): void {
  const { name, what, item, more, url } = call;
  if (!name) return call.json(world.runs);
  if (!world.runs.some((each) => each.voice === name && each.run === what))
    return call.fail(
      404,
      'not_found',
      `there is no run ${what} of ${name}`,
      'See /api/runs for those there are.',
    );
  if (item === 'metrics')
    return call.json(
      url.searchParams.has('after')
        ? { steps: {}, validation: {}, next: 1 }
        : {
            ...metricsOf(what === 'finetune' ? 1500 : 900, what === 'finetune' ? 1 : 2),
            milestones: [250, 500, 1000, 1500].map((it) => ({ it, what: 'save' })), // one is no longer kept
          },
    );
  if (item === 'events') {
    const from = Number(url.searchParams.get('from') ?? 0);
    const types = url.searchParams.get('types')?.split(',');
    const events = (what === 'finetune' ? world.told : [])
      .slice(from)
      .filter((each) => !types || types.includes(String(each.type)));
    return call.json({ events, next: world.told.length });
  }
  if (item === 'samples' && world.silent.includes(more))
    return call.fail(404, 'not_found', `there is no sample ${more}`, 'See the samples of the run.');
  if (item === 'samples' && more) return sound(call);
  if (item === 'samples')
    return call.json(
      [500, 1000, 1500]
        .flatMap((iteration) =>
          ['Prosecutors have opened a massive investigation.', 'It was, he said, a good idea.'].map(
            (text, k) => ({ iteration, file: `${iteration}_${k}.wav`, text, number: k + 1, seconds: 2 }),
          ),
        )
        .filter(({ file }) => !world.unspoken.includes(file)),
    );
  if (item === 'checkpoints')
    return call.json({ name: 'ada_1500', place: 'finetune', path: 'models/finetunes/ada_1500.pth' }, 201);
  return call.json({
    voice: name,
    run: what,
    kind: 'testudo',
    iteration: 1500,
    checkpoints: [500, 1000, 1500].map((iteration) => ({
      iteration,
      bytes: 1_720_000_000,
      changed: 1_795_600_000 + iteration,
      state: true,
      ema: iteration === 1500,
    })),
  });
}
