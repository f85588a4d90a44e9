import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createLearner } from '../../../src/learner/create.js';
import type { Learner } from '../../../src/learner/learner.js';
import { clippedPolicy, trainingLoss } from '../../../src/losses/index.js';
import { pipeline } from '../../../src/pipelines/plan/builder.js';
import { checkPlan } from '../../../src/pipelines/plan/check.js';
import { planOf } from '../../../src/pipelines/plan/plan.js';
import { readManifest } from '../../../src/runs/manifest/manifest.js';
import { runPipeline } from '../../../src/runs/run.js';
import type { Verifier } from '../../../src/verifiers/verifier.js';
import { records, tinyFolder, tinyPipeline, tinyRun } from '../../runs/tiny-run.js';

function evenDigits(): Verifier & { readonly closed: boolean } {
  const state = { closed: false };
  return {
    name: 'even-digits',
    hash: 'even-digits@1',
    async verify({ completion }) {
      const correct = /[02468]/.test(completion);
      return { verdict: correct ? 'correct' : 'incorrect', reward: Number(correct), reason: 'digits', evidence: {} };
    },
    close: async () => void Object.assign(state, { closed: true }),
    get closed() {
      return state.closed;
    },
  };
}

describe('a verifier given as an object', () => {
  it('judges in place of a named one, stays open, and is in the manifest by its hash', async () => {
    const base = tinyFolder();
    const verifier = evenDigits();
    const plan = pipeline({ ...tinyPipeline, steps: 1, verify: verifier }).plan(base);
    const folder = join(base, 'run');
    await runPipeline({ plan, folder });
    const verdicts = await records(folder, 'verdicts');
    expect(verdicts.length).toBeGreaterThan(0);
    for (const { completion, reward } of verdicts) expect(reward).toBe(Number(/[02468]/.test(completion)));
    expect(verifier.closed).toBe(false);
    expect(readManifest(folder)).toMatchObject({
      verifier: 'even-digits@1',
      spec: { verify: { object: 'even-digits@1' } },
    });
  }, 60_000);

  it('is asked for when the run is continued without it', async () => {
    const base = tinyFolder();
    const plan = pipeline({ ...tinyPipeline, verify: evenDigits() }).plan(base);
    expect(await checkPlan(plan)).toEqual([]);
    expect(await checkPlan(planOf(plan.spec, base))).toEqual([
      expect.stringMatching(/^verify: the verifier is an object of the program that made this run/),
    ]);
  });
});

describe('a learner given as an object', () => {
  it('trains in place of the one that the spec describes, and is in the manifest', async () => {
    const base = tinyFolder();
    const inner = await createLearner({
      folder: join(base, 'model'),
      threads: 1,
      settings: { lr: 1e-2 },
      loss: trainingLoss(clippedPolicy.create(), { clip: [0.2, 0.28], kl: 0 }),
    });
    const steps: number[] = [];
    const state = { closed: false };
    const learner: Learner = {
      ...inner,
      async step(samples) {
        steps.push(samples.length);
        return inner.step(samples);
      },
      close: async () => void Object.assign(state, { closed: true }),
    };
    const given = await tinyRun(base, 'given', { steps: 2 }, { components: { learner } });
    const named = await tinyRun(base, 'named', { steps: 2 });
    await inner.close();
    expect(steps).toEqual([8, 8]);
    expect(state.closed).toBe(false);
    expect(given.summary.weights.digest).toBe(named.summary.weights.digest);
    expect(readManifest(given.folder).objects).toEqual(['learner']);
    expect(readManifest(named.folder).objects).toBeUndefined();
    await expect(tinyRun(base, 'given', { steps: 2 })).rejects.toThrow(/objects: the run has \["learner"\]/);
  }, 60_000);
});
