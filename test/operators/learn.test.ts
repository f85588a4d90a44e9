import { concat, from, lastValueFrom, map, NEVER, type Observable, of, take, tap, toArray } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { type LearnSettings, learn, type TrainSample } from '../../src/operators/learn.js';
import { int32Array } from '../../src/records/arrays.js';
import type { Advantage } from '../../src/records/records.js';
import { advantageOf, promptOf } from '../fakes/records.js';

const all = <T>(stream: Observable<T>): Promise<T[]> => lastValueFrom(stream.pipe(toArray()));
const sample = (n: number, step: number, policyVersion = step): Advantage => ({
  ...advantageOf(promptOf(n)),
  step,
  policyVersion,
});

/** Trains two prompts a step and says what each step was trained on. */
function trained(samples: Observable<Advantage>, rest: Partial<LearnSettings> = {}) {
  let next = 0;
  const stale: string[] = [];
  const batches: (readonly TrainSample[])[] = [];
  const trainer = { step: async (batch: readonly TrainSample[]) => batches.push(batch) };
  const settings: LearnSettings = {
    prompts: 2,
    maxLag: 0,
    version: () => next,
    onStale: ({ promptId }, age) => void stale.push(`${promptId} ${age}`),
    ...rest,
  };
  const steps = samples.pipe(
    learn(trainer, settings),
    tap(() => next++),
    map(({ step, samples: used }) => `${step}: ${used.map(({ promptId }) => promptId).join(' ')}`),
  );
  return { steps, stale, batches };
}

describe('learn', () => {
  it('trains each step once it is complete, ordered by prompt, the lowest step first', async () => {
    const { steps, batches } = trained(from([sample(3, 1), sample(1, 0), sample(2, 1), sample(0, 0)]));
    expect(await all(steps)).toEqual(['0: p0 p1', '1: p2 p3']);
    expect(batches.at(-1)?.[0]?.completionTokens).toEqual(int32Array(sample(2, 1).completionTokens));
  });

  it('trains what there is when the source completes, and expected steps that have nothing', async () => {
    const { steps } = trained(from([sample(4, 2, 0), sample(0, 0)]), { expected: [0, 1, 2], maxLag: 2 });
    expect(await all(steps)).toEqual(['0: p0', '1: ', '2: p4']);
  });

  it('reports samples that are too old, and does not train on them', async () => {
    const samples = [sample(0, 0), sample(1, 0), sample(2, 1, 0), sample(3, 1), sample(4, 2, 0), sample(5, 2, 1)];
    const strict = trained(from(samples));
    expect(await all(strict.steps)).toEqual(['0: p0 p1', '1: p3', '2: ']);
    expect(strict.stale).toEqual(['p2 1', 'p4 2', 'p5 1']);
    const lenient = trained(from(samples), { maxLag: 1 });
    expect(await all(lenient.steps)).toEqual(['0: p0 p1', '1: p2 p3', '2: p5']);
    expect(lenient.stale).toEqual(['p4 2']);
  });

  it('does not complete a step with a duplicate', async () => {
    const { steps } = trained(from([sample(0, 0), sample(0, 0), sample(1, 0)]));
    expect(await all(steps)).toEqual(['0: p0 p1']);
  });

  it('fails by name when too many steps are incomplete', async () => {
    const { steps } = trained(from([0, 1, 2].map((step) => sample(step, step))), { openSteps: 2 });
    await expect(all(steps)).rejects.toMatchObject({
      code: 'open-steps',
      message: '3 steps are incomplete, expected at most 2; step 0: 1 of 2 prompts complete; samples so far: p0 has 1',
    });
  });

  it('fails by name when a step gets no further sample in time', () => {
    const test = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
    test.run(({ cold, expectObservable }) => {
      const source = cold('a--b', { a: sample(3, 1), b: sample(0, 0) });
      const { steps } = trained(source, { timeoutMs: 5, scheduler: test });
      const error = expect.objectContaining({
        code: 'step-timeout',
        message: expect.stringMatching(/^step 1 got no sample for 5 ms and is incomplete: 1 of 2 prompts complete/),
      });
      expectObservable(steps).toBe('-----#', {}, error);
    });
  });

  it('lets a step that is complete wait for the steps below it', () => {
    const test = new TestScheduler(() => {});
    const source = concat(of(sample(2, 1), sample(3, 1), sample(0, 0), sample(1, 0)), NEVER);
    trained(source, { timeoutMs: 5, scheduler: test }).steps.subscribe();
    expect(test.actions.filter(({ closed }) => !closed)).toEqual([]);
  });

  it('stops a synchronous source when the subscriber has enough', async () => {
    let read = 0;
    const source = from(Array.from({ length: 100 }, (_, n) => sample(n, n >> 1))).pipe(tap(() => read++));
    const { steps } = trained(source.pipe(take(2)), {});
    expect(await lastValueFrom(steps.pipe(take(1)))).toBe('0: p0 p1');
    expect(read).toBe(2);
  });

  it('keeps nothing from one subscription for the next', async () => {
    const settings = { prompts: 2, maxLag: 9, version: () => 0, onStale: () => {} };
    const steps = of(sample(0, 0)).pipe(learn({ step: async (batch) => batch.length }, settings));
    expect((await all(steps)).map(({ stats }) => stats)).toEqual([1]);
    expect((await all(steps)).map(({ stats }) => stats)).toEqual([1]);
  });

  it.each([{ prompts: 0 }, { prompts: Number.NaN }, { openSteps: 0 }, { timeoutMs: -1 }, { maxLag: Number.NaN }])(
    'refuses %j',
    (bad) => expect(() => trained(NEVER, bad)).toThrow(RangeError),
  );
});
