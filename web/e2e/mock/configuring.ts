// Settings of the dataset and of the training, and the YAML made of them.
import type { Values } from '../../src/lib/types';
import type { Call } from './call';
import type { World } from './world';

export function datasetSettings(world: World, call: Call): void {
  if (call.method === 'PUT') Object.assign(world.datasetSettings, call.body());
  return call.json(world.datasetSettings);
}

export function states(call: Call): void {
  const { name } = call;
  return call.json(
    name === 'ada'
      ? [1500, 1000, 500].map((iteration) => ({
          file: `./training/ada/finetune/training_state/${iteration}.state`,
          run: 'finetune',
          iteration,
          epoch: iteration / 50,
          time: 1_795_600_000,
          bytes: 3_400_000_000,
          complete: true,
        }))
      : [],
  );
}

export function configuration(world: World, call: Call): void {
  const { name, item } = call;
  if (item === 'plan') {
    const { epochs, batch_size } = call.body().settings as { epochs: number; batch_size: number };
    const epoch = Math.ceil(1912 / batch_size);
    return call.json({
      lines: 1912,
      iterations_per_epoch: epoch,
      iterations: epoch * epochs,
      save_every: 5 * epoch,
      checkpoints: Math.ceil(epochs / 5),
    });
  }
  if (item === 'import') return importSettings(world, call);
  if (call.method === 'PUT') {
    const values = call.body().settings as Values;
    if (Number(values.epochs) > 500_000)
      return call.fail(400, 'usage', 'epochs is too large', 'Choose less.', {}, { key: 'epochs' });
    Object.assign(world.trainingSettings, values);
    world.yaml = `name: ${name}\ntrain:\n  niter: 1500\n`;
    world.changed(`configuration:${name}`);
  }
  const bad = wrongLine(world.yaml);
  return call.json({
    settings: world.trainingSettings,
    exists: name === 'ada',
    ...(bad ? { problem: faultOf(bad) } : {}),
    etag: '"1"',
    dataset: { train_lines: 1912, validation_lines: 40 },
    remarks: [],
  });
}

/** The first line that cannot be meant, counted from 1; 0: none. */
const wrongLine = (text: string) =>
  text.split('\n').findIndex((line) => line.includes('\t') || /^\s*niter: *[a-z]/.test(line)) + 1;
const faultOf = (line: number) => ({
  what: `train.yaml:${line}: niter must be a whole number`,
  hint: 'Correct it, or write the configuration again with `testudo configure`.',
  kind: 'input',
  line,
  column: 3,
});

export function yaml(world: World, call: Call): void {
  const { url, response } = call;
  if (call.method === 'PUT') {
    const text = call.text;
    const bad = wrongLine(text);
    if (bad) return call.json({ error: faultOf(bad) }, 422);
    if (!url.searchParams.has('check')) world.yaml = text;
    response.setHeader('ETag', '"y2"');
    return call.json({ etag: '"y2"', saved: true });
  }
  response.setHeader('ETag', '"y1"');
  response.setHeader('Content-Type', 'application/yaml');
  return void response.end(world.yaml);
}

// Of what is here, or of the text of a file that is sent.
function importSettings(world: World, call: Call): void {
  const from = call.url.searchParams.get('name');
  const wrong = call.text.split('\n').findIndex((line) => /^\s*niter: *[a-z]/.test(line)) + 1;
  if (from && wrong > 0)
    return call.fail(
      422,
      'input',
      `${from}, line ${wrong}: train.niter must be a whole number, not "many"`,
      'Correct it.',
      {},
      { line: wrong },
    );
  return call.json({
    settings: { ...world.trainingSettings, epochs: from ? 88 : 77 },
    from: from ?? 'training/ada/train.json',
    not_understood: from ? [{ key: 'logger.wandb', line: 31, why: 'is not known' }] : [],
  });
}
