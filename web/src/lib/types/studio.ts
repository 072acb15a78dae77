// The server as a whole: its state, its machine, its folders.
import type { Job, Queue } from './training';
import type { Voice } from './voices';

export interface FolderSize {
  name: string;
  files: number;
  bytes: number;
}

export interface State {
  server: string;
  version: string;
  page?: string; // which page the server gives
  workspace: string;
  token?: boolean; // the server asks for one
  cursor: string;
  revision: number;
  time?: number;
  voices: Voice[];
  jobs: Job[];
  queue: Queue;
}

export interface System {
  version?: string;
  workspace?: string;
  disk?: { free?: number; total?: number };
  memory?: { total?: number; available?: number; server?: number };
  processors?: number;
  load?: number;
  device?: string;
  streams?: number;
}

export interface Check {
  name: string;
  verdict: 'ok' | 'warning' | 'problem';
  value: string;
  remedy?: string;
}
