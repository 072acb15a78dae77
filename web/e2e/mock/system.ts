// The machine, its folders, and the settings of the program.
import type { Call } from './call';
import type { World } from './world';

export function trash(world: World, call: Call): void {
  Object.assign(world.folders.at(-1)!, { files: 0, bytes: 0 });
  return call.json(world.folders);
}

export function system(world: World, call: Call): void {
  const { name } = call;
  if (name === 'folders') return call.json(world.folders);
  if (name === 'check')
    return call.json({
      checks: [
        { name: 'libtorch', verdict: 'ok', value: '2.13.0' },
        { name: 'disk', verdict: 'warning', value: '12 GB free', remedy: 'Free some space.' },
      ],
      verdict: 'warning',
    });
  return call.json({
    version: '0.1.0',
    workspace: '/home/ada/studio',
    disk: { free: 120e9, total: 500e9 },
    memory: { total: 32e9, available: 20e9, server: 90e6 },
    processors: 8,
    load: 1.2,
    device: 'cpu',
    streams: world.open,
  });
}

export function settings(world: World, call: Call): void {
  if (call.method === 'PUT') Object.assign(world.app, call.body());
  return call.json(world.app);
}
