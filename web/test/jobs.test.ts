import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { jobAside, jobShare, jobStage, stageName, takeProgress } from '../src/lib/jobs';
import { t } from '../src/text';
import type { Job } from '../src/lib/types';

const training = (): Job => ({ id: 'j1', action: 'train', state: 'running', created: 1 });
const steps = { stage: 'train', done: 10, total: 1000, unit: 'iterations' };
const samples = (done: number) => ({ stage: 'speak', done, total: 3, unit: 'sentences' });

describe('a training that speaks samples', () => {
  test('stands where it stood, and tells of them beside', () => {
    const job = training();
    takeProgress(job, { stage: 'features', done: 5, total: 10, unit: 'clips' });
    expect(jobShare(job)).toBe(0.5);
    expect(jobStage(job)).toBe('Computing features 5 / 10 clips');
    takeProgress(job, steps);
    expect([jobShare(job), jobAside(job)]).toEqual([0.01, '']);
    takeProgress(job, samples(1));
    expect(jobShare(job)).toBe(0.01);
    expect(jobStage(job)).toBe('Training 10 / 1,000 iterations');
    expect(jobAside(job)).toBe('Speaking samples: 1 of 3');
    takeProgress(job, samples(3));
    expect(jobAside(job)).toBe('');
    takeProgress(job, { ...steps, done: 11 });
    expect([jobShare(job), jobAside(job)]).toEqual([0.011, '']);
  });
  test('also as the server tells of it', () =>
    expect(jobShare({ ...training(), progress: samples(1), training: steps })).toBe(0.01));
});

describe('stages have names', () => {
  test.each([
    ['speak', 'Speaking samples'],
    ['fit dvae', 'Fitting the DVAE'],
    ['fetch vocab v2.json', 'Fetching vocab v2.json'],
    ['count_of lines', 'Count of lines'],
  ])('%s', (stage, name) => expect(stageName(stage)).toBe(name));

  const source = join(import.meta.dirname, '../../src');
  const told = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cpp'))
    .flatMap((name) => [...readFileSync(join(source, name), 'utf8').matchAll(/\.progress\(\s*"([^"]+)"/g)])
    .map(([, stage]) => stage!);
  test('all that the program tells of', () => {
    expect(told).toContain('speak');
    expect(told.filter((stage) => !(stage in t.stages))).toEqual([]);
  });
});

test('shares of a hundred are told as such', () => {
  const progress = { stage: 'fit dvae', done: 37.4, total: 100, unit: '%' };
  expect(jobStage({ ...training(), progress })).toBe('Fitting the DVAE 37 %');
});
