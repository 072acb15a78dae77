// What the page knows of the server: its state, kept true by the stream of events.
//
// Levels (jobs, voices) are asked for or told whole; lines of jobs come once each; of everything else the server
// only tells that it changed, and whoever shows it asks again (state/loaded.svelte.ts).
import { SvelteMap } from 'svelte/reactivity';
import { address, ask, problemOf } from '../lib/api';
import { takeProgress } from '../lib/jobs';
import { toLogin } from '../lib/login';
import { openLink } from '../lib/link';
import type { ServerEvent } from '../lib/sse';
import type { LinkState, Stream } from '../lib/stream';
import type { Job, JobEvent, Problem, Progress, Queue, State, Voice } from '../lib/types';

interface Studio {
  link: LinkState;
  ready: boolean;
  problem: Problem | null;
  version: string;
  outdated: boolean; // this page is not the one that the server gives now
  workspace: string;
  token: boolean; // whoever asks has logged in
  voices: Voice[];
  jobs: Job[];
  queue: Queue;
}

export const studio = $state<Studio>({
  link: 'connecting',
  ready: false,
  problem: null,
  version: '',
  outdated: false,
  workspace: '',
  token: false,
  voices: [],
  jobs: [],
  queue: { paused: false, waiting: [] },
});

/** How often each name of a `changed` event was told; "" counts for all of them (a new server, missed events). */
const stamps = new SvelteMap<string, number>();
export const stamp = (name: string) => (stamps.get(name) ?? 0) + (stamps.get('') ?? 0);
const touch = (name: string) => stamps.set(name, (stamps.get(name) ?? 0) + 1);

type JobListener = (job: string, event: JobEvent | null) => void; // null: read its file again
const listeners = new Set<JobListener>();
export function onJobEvent(listener: JobListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

let stream: Stream | null = null;
let server = '';
let page = ''; // version of the server and of its page, as they were when this page was loaded
let revision = -1;
let early: ServerEvent[] | null = []; // what came before the state was there
const patience = 5000; // ms for the state: a connection that died in silence is not waited for

export function startStudio(): void {
  stream = openLink(address('api/events'), (event) => (early ? early.push(event) : take(event)), linked);
  void reload(false);
  addEventListener('online', reconnect); // another network: the old connection leads nowhere
}

export function reconnect(): void {
  stream?.reconnect();
  refresh();
}

/** Whatever is shown may be stale. */
function showAnew(): void {
  touch('');
  listeners.forEach((listener) => listener('', null));
}

/** What is shown is asked for anew at once. What was on its way may be on a dead connection, of which a browser has few:
 * it is given up. */
function refresh(): void {
  asking.abort();
  showAnew();
  void reload(false);
}

let beenLive = false;
function linked(state: LinkState): void {
  const again = beenLive && state === 'live' && studio.link !== 'live';
  beenLive ||= state === 'live';
  studio.link = state;
  if (state === 'unauthorized') toLogin(address('login'));
  if (again) refresh();
  else if (state === 'live' && studio.problem) void reload(true);
}

let loading = false;
let asking = new AbortController();
let wanted = false; // asked for while one was on its way, which may have been answered before

/** Asks for everything; `all`: whatever is shown may be stale. */
async function reload(all: boolean): Promise<void> {
  if (loading) {
    wanted = true;
    return;
  }
  loading = true;
  try {
    asking = new AbortController();
    const state = await ask<State>('api/state', {
      signal: AbortSignal.any([asking.signal, AbortSignal.timeout(patience)]),
    });
    server = state.server;
    const given = `${state.version} ${state.page ?? ''}`;
    page ||= given;
    revision = state.revision;
    Object.assign(studio, {
      ready: true,
      problem: null,
      version: state.version,
      outdated: given !== page,
      workspace: state.workspace,
      token: state.token ?? false,
      voices: state.voices,
      jobs: state.jobs,
      queue: state.queue,
    });
    const waiting = early ?? [];
    early = null;
    waiting.forEach(take);
    if (all) showAnew();
  } catch (error) {
    if (!asking.signal.aborted) {
      studio.problem = problemOf(error);
      setTimeout(() => studio.problem && void reload(true), 500);
    }
  }
  loading = false;
  if (!wanted) return;
  wanted = false;
  void reload(true);
}

let voicesAsked = false;
async function reloadVoices(): Promise<void> {
  if (voicesAsked) return;
  voicesAsked = true;
  await new Promise((resolve) => setTimeout(resolve, 150)); // several changes, one question
  voicesAsked = false;
  await refreshVoices();
}

export async function refreshVoices(): Promise<void> {
  try {
    studio.voices = await ask<Voice[]>('api/voices');
  } catch {
    // the next change, or the next state, tells
  }
}

function take(event: ServerEvent): void {
  const data = JSON.parse(event.data) as Record<string, unknown>;
  switch (event.type) {
    case 'hello':
      if (data.server !== server || data.revision !== revision || data.reset) void reload(true);
      break;
    case 'jobs':
      if (!newer(data)) break;
      studio.jobs = data.jobs as Job[];
      studio.queue = data.queue as Queue;
      break;
    case 'changed': {
      if (!newer(data)) break;
      const what = data.what as string[];
      what.forEach(touch);
      if (what.some((name) => /^(voices$|(voice|configuration|run):)/.test(name))) void reloadVoices();
      break;
    }
    case 'job': {
      const line = data.event as JobEvent;
      const id = data.job as string;
      if (line.type === 'progress') {
        const job = studio.jobs.find((each) => each.id === id);
        if (job) takeProgress(job, line as Progress & JobEvent);
      }
      listeners.forEach((listener) => listener(id, line));
    }
  }
}

/** Notes the revision; false for what the state knows already. */
function newer(data: Record<string, unknown>): boolean {
  const told = data.revision as number;
  if (told < revision) return false;
  revision = told;
  return true;
}

export const isActive = (job: Job) => job.state === 'running' || job.state === 'stopping';
export const isPending = (job: Job) => isActive(job) || job.state === 'waiting';
export const jobsOf = (voice: string) => studio.jobs.filter((job) => job.voice === voice);
export const jobById = (id: string) => studio.jobs.find((job) => job.id === id);
