// Asking the server. Every error is an ApiError that says what failed and what to do, also when there was no
// answer at all.
import { t } from '../text';
import { toLogin } from './login';
import { remedy } from './remedy';
import type { Problem } from './types';

export class ApiError extends Error {
  constructor(
    readonly status: number, // 0: no answer
    readonly problem: Problem,
    readonly fresh: unknown = null, // of a conflict: what is there now
  ) {
    super(problem.what);
  }
}

/** Below the page's own folder, so that a base path needs no setting. */
export const address = (path: string) => new URL(path, document.baseURI).href;

/** api/voices/NAME/…: every part percent-encoded, also what is a dot or a slash. */
export const at = (...parts: (string | number)[]) =>
  `api/${parts.map((part) => encodeURIComponent(part)).join('/')}`;

const patience = 60_000; // ms; what sends a body takes the time it takes

interface Options {
  method?: string;
  json?: unknown;
  body?: BodyInit;
  type?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export async function request(path: string, options: Options = {}): Promise<Response> {
  const headers: Record<string, string> = { ...options.headers };
  let body = options.body ?? null;
  if (options.json !== undefined) {
    body = JSON.stringify(options.json);
    headers['Content-Type'] = 'application/json';
  } else if (options.type) headers['Content-Type'] = options.type;
  let answer: Response;
  try {
    answer = await fetch(address(path), {
      method: options.method ?? 'GET',
      headers,
      body,
      signal: options.signal ?? (body === null ? AbortSignal.timeout(patience) : null),
      cache: 'no-store',
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw noAnswer();
  }
  if (answer.ok || answer.status === 304) return answer;
  if (answer.status === 401) toLogin(address('login'));
  throw await errorOf(answer);
}

const noAnswer = () =>
  new ApiError(0, { what: t.error.noAnswer, hint: t.error.noAnswerHint, kind: 'network' });

/** What an answer that is no success says. */
export async function errorOf(answer: Response): Promise<ApiError> {
  const text = await answer.text().catch(() => '');
  try {
    const body = JSON.parse(text) as { error?: Problem; fresh?: unknown };
    const problem = body.error;
    if (problem?.what)
      return new ApiError(
        answer.status,
        { ...problem, hint: remedy(problem.hint ?? '') },
        body.fresh ?? null,
      );
  } catch {
    // not JSON: told by its status, below
  }
  return new ApiError(answer.status, {
    what: t.error.status(answer.status),
    hint: t.error.statusHint,
    kind: 'internal',
  });
}

export async function ask<T>(path: string, options: Options = {}): Promise<T> {
  const answer = await request(path, options);
  return (answer.status === 204 ? null : await answer.json()) as T;
}

export const post = <T>(path: string, json: unknown = {}) => ask<T>(path, { method: 'POST', json });
export const put = <T>(path: string, json: unknown) => ask<T>(path, { method: 'PUT', json });
export const remove = <T>(path: string) => ask<T>(path, { method: 'DELETE' });

export function problemOf(error: unknown): Problem {
  if (error instanceof ApiError) return error.problem;
  if (error instanceof TypeError && /fetch|network/i.test(error.message)) return noAnswer().problem;
  return { what: error instanceof Error ? error.message : String(error), hint: '', kind: 'internal' };
}
