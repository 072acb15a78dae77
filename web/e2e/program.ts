// The real program in a workspace of its own. It gives the page that it was built with; with PAGE=dist in the environment
// that of web/dist, so that a page can be tried without a new build.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { Front } from './front';

const root = resolve(import.meta.dirname, '../..');
export const binary = resolve(import.meta.dirname, '..', process.env.TESTUDO ?? '../build/testudo');
export const present = existsSync(binary);
const recordings = join(root, '.deps/data/asterisk-en/en');
const whisper = join(root, '.deps/models/whisper/tiny.en');

export function workspace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'testudo-page-'));
  mkdirSync(join(folder, 'models/whisper'), { recursive: true });
  cpSync(whisper, join(folder, 'models/whisper/tiny.en'), { recursive: true, dereference: true });
  return folder;
}
/** A workspace, with the jobs that still run in it. */
export function discard(folder: string): void {
  spawnSync('pkill', ['-KILL', '-f', folder]);
  rmSync(folder, { recursive: true, force: true });
}

/** Recordings of a few seconds: paths, by name. */
export function sentences(count: number): string[] {
  return readdirSync(recordings)
    .filter((name) => /^(conf|vm|agent|privacy)-.*\.g722$/.test(name))
    .sort()
    .slice(0, count)
    .map((name) => join(recordings, name));
}

function run(folder: string, ...words: string[]): void {
  const ended = spawnSync(binary, ['--workspace', folder, '--quiet', ...words], {
    env: { ...process.env, OMP_WAIT_POLICY: 'passive' },
    encoding: 'utf8',
  });
  if (ended.status !== 0) throw new Error(`testudo ${words.join(' ')}: ${ended.stderr}`);
}

/** A workspace with two voices ready to train on a nano model: "ada" has a short training behind it, "bob" is to have an
 * endless one. */
export function trainedWorkspace(): string {
  const folder = workspace();
  mkdirSync(join(folder, 'voices/ada'), { recursive: true });
  for (const file of sentences(10)) cpSync(file, join(folder, 'voices/ada', basename(file)));
  run(folder, 'prepare', 'ada', '--language', 'en', '--whisper-model', 'tiny.en');
  run(folder, 'models', 'init', '--size', 'nano');
  for (const kind of ['voices', 'training'])
    cpSync(join(folder, kind, 'ada'), join(folder, kind, 'bob'), { recursive: true });
  const configure = (voice: string, ...flags: string[]) =>
    run(
      folder,
      'configure',
      voice,
      ...['--batch-size', '8', '--gradient-accumulation-size', '1'],
      ...['--source-model', 'models/tortoise/random-nano.pth'],
      ...['--dvae-model', 'models/tortoise/random-nano_dvae.pth'],
      ...['--sample-sentences', 'Please enter your number.', ...flags],
    );
  configure('ada', '--epochs', '6', '--save-rate', '3');
  configure('bob', '--epochs', '100000', '--save-rate', '100000');
  run(folder, 'train', 'ada');
  return folder;
}

export class Program {
  address = '';
  token = '';
  private killed = false;
  private front: Front | null = null;
  private own = ''; // its address without one before it
  private constructor(private readonly child: ChildProcess) {}

  static start(folder: string, ...flags: string[]): Promise<Program> {
    const child = spawn(binary, ['--workspace', folder, '--json', 'serve', ...flags], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, OMP_WAIT_POLICY: 'passive' },
    });
    const program = new Program(child);
    return new Promise((done, fail) => {
      let out = '';
      let said = '';
      child.stderr!.on('data', (piece: Buffer) => (said += piece.toString()));
      child.stdout!.on('data', (piece: Buffer) => {
        out += piece.toString();
        const told = /^\{[\s\S]*?\n?\}/m.exec(out);
        if (!told || program.address) return;
        const { address, token } = JSON.parse(told[0]) as { address: string; token: string | null };
        program.address = program.own = address.replace(/\/$/, '');
        program.token = token ?? '';
        if (process.env.PAGE !== 'dist' || flags.includes('--base-path')) return done(program);
        program.front = new Front(program.address);
        void program.front.start().then((url) => {
          program.address = url;
          done(program);
        });
      });
      child.on('exit', (code, signal) => {
        if (program.address && !program.killed)
          console.error(`testudo serve ended by itself: ${code ?? signal} ${said}`);
        fail(new Error(`testudo serve ended with ${code}: ${said}`));
      });
    });
  }

  get port(): string {
    return new URL(this.own).port;
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.killed = true;
    return new Promise((done) => {
      if (this.child.exitCode !== null || this.child.signalCode !== null) return done();
      this.child.on('exit', () => done());
      this.child.kill(signal);
    });
  }
}
