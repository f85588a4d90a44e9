import { describe, expect, it } from 'vitest';
import { crossEntropy } from '../../../src/losses/cross-entropy.js';
import { grpo } from '../../../src/methods/grpo.js';
import { judgedSamples, lostSamples, signalOf, targetOf } from '../../../src/pipelines/running/signal.js';
import { stepMetrics } from '../../../src/pipelines/running/step-metrics.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { float32Bytes } from '../../../src/records/arrays.js';
import type { Advantage } from '../../../src/records/records.js';
import type { Gap } from '../../../src/topics/record-codec.js';
import { advantageOf, promptOf } from '../../fakes/records.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

const target = { needsAdvantage: true, readsTop: false };

/** Sample `i` of prompt `n`: two tokens, with these token advantages around `advantage`. */
function sample(n: number, i: number, advantage: number, tokens = [advantage, advantage]): Advantage {
  const record = advantageOf(promptOf(n));
  return { ...record, sampleIndex: i, groupSize: 2, advantage, tokenAdvantages: float32Bytes(tokens) };
}

const gap = (n: number, sampleIndex: number | null, rest: Partial<Gap> = {}): Gap => ({
  promptId: `p${n}`,
  step: 0,
  sampleIndex,
  groupSize: 2,
  cause: 'crash',
  ...rest,
});

const counted = (trained: readonly Advantage[], gaps: readonly Gap[] = [], stale: readonly Advantage[] = []) =>
  signalOf({ trained, stale, gaps }, target, 4);

describe('signalOf', () => {
  it('counts groups in which a token has a gradient', () => {
    expect(counted([sample(1, 0, 1), sample(1, 1, -1), sample(2, 0, 0), sample(2, 1, 0)])).toMatchObject({
      groups: 2,
      groupsWithSignal: 1,
      judged: 4,
      signalTokens: 4,
    });
  });

  it.each([
    ['masked out', { mask: Uint8Array.of(0, 0) }],
    ['of weight 0', { tokenWeights: float32Bytes([0, 0]) }],
  ])('counts no token that is %s', (_what, change) => {
    expect(counted([{ ...sample(1, 0, 1), ...change }])).toMatchObject({ groupsWithSignal: 0, signalTokens: 0 });
  });

  it('counts distilled tokens without an advantage, and every token of a loss that needs none', () => {
    const none = new Uint8Array();
    const distillation = { k: 1, topIds: none, topLogprobs: none, tailLogprobs: none };
    const distilled = { ...sample(1, 0, 0), distillation, teacherVersion: 0 };
    expect(counted([distilled])).toMatchObject({ groupsWithSignal: 1, signalTokens: 2, movedTokens: 2 });
    const anyToken = { needsAdvantage: false, readsTop: false };
    expect(signalOf({ trained: [sample(1, 0, 0)], stale: [], gaps: [] }, anyToken, 4).groupsWithSignal).toBe(1);
  });

  it('counts tokens that a teacher moved by over 5 %, in either direction', () => {
    const taught = (tokens: number[]) => ({ ...sample(1, 0, -2, tokens), teacherVersion: 0 });
    expect(counted([taught([-2.1, -2.2])])).toMatchObject({ teacherAsked: 1, signalTokens: 2, movedTokens: 1 });
    expect(counted([taught([-1.8, -1.95])]).movedTokens).toBe(1);
    expect(counted([sample(1, 0, -2, [-9, -9])])).toMatchObject({ teacherAsked: 0, movedTokens: 0 });
  });

  it('counts judged samples that are too old or were dropped, and lost ones by their group', () => {
    const judged = { reward: 0, verdict: 'unparseable', finishReason: 'length' };
    const gaps = [gap(2, 0, { judged, cause: 'filtered' }), gap(2, 1), gap(3, null)];
    expect(counted([sample(1, 0, 1)], gaps, [sample(1, 1, -1)])).toMatchObject({
      groups: 3,
      judged: 3,
      unparseable: 1,
      truncated: 1,
      lost: 5,
      dropped: 1,
    });
    expect(lostSamples(gaps, 4)).toEqual([{ cause: 'crash', count: 5 }]);
    expect(judgedSamples({ trained: [], stale: [], gaps }).map(({ promptId }) => promptId)).toEqual(['p2']);
  });
});

describe('targetOf', () => {
  it('follows the method, a named loss without its pull to the base, or takes a module to learn everywhere', () => {
    expect(targetOf(grpo(), undefined)).toEqual(target);
    expect(targetOf(grpo(), { clippedPolicy: {}, referenceKl: { coefficient: 1 } })).toEqual(target);
    expect(targetOf(grpo(), crossEntropy.name)).toMatchObject({ needsAdvantage: false });
    expect(targetOf(grpo(), { module: './own.mjs' })).toEqual({ needsAdvantage: false, readsTop: false });
  });
});

describe('stepMetrics', () => {
  it('takes reward and correct over every judged sample, by task too', () => {
    const inTask = (task: string, one: Advantage) => ({ ...one, promptId: `${task}/1`, itemId: `${task}/1` });
    const judged = { reward: 0, verdict: 'incorrect', finishReason: 'stop' };
    const { prompts, ...withoutPrompts } = tinyPipeline;
    const sums = { prompts };
    const step = { step: 3, samples: [inTask('sums', sample(1, 0, 1))], stats: { loss: 2 } };
    const { values } = stepMetrics(step, {
      seconds: 1,
      stale: [inTask('sums', sample(1, 1, -1))],
      gaps: [{ ...gap(1, 0, { judged, cause: 'filtered' }), promptId: 'words/1' }, gap(9, 0)],
      version: 3,
      target,
      spec: checkSpec({
        ...withoutPrompts,
        rollout: { group: 1, maxTokens: 6 },
        tasks: { sums, words: sums, none: sums },
      }),
    });
    expect(values).toMatchObject({
      loss: 2,
      reward: 2 / 3,
      correct: 2 / 3,
      samples: 1,
      stale: 1,
      'reward/sums': 1,
      'judged/sums': 2,
      'reward/words': 0,
      'lost/crash': 1,
    });
    expect(values).not.toHaveProperty('reward/none');
  });
});
