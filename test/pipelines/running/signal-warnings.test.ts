import { describe, expect, it } from 'vitest';
import { watchSignal } from '../../../src/pipelines/running/signal-warnings.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

const spec = checkSpec(tinyPipeline);
const healthy = {
  ...{ groups: 2, groupsWithSignal: 1, samples: 8, judged: 8, unparseable: 1, truncated: 1, lost: 0, dropped: 0 },
  teacherAsked: 4,
  ...{ signalTokens: 40, movedTokens: 9, reward: 0.5, correct: 0.5 },
};

function told(steps: readonly Readonly<Record<string, number>>[], teaching: string | undefined = 'rlsd'): string[] {
  const watch = watchSignal({ spec, teaching });
  return steps.flatMap((change, step) => watch.step({ step, values: { ...healthy, ...change } }));
}
const none = { groupsWithSignal: 0, teacherAsked: 0, signalTokens: 0, movedTokens: 0 };
const once = (pattern: RegExp) => [expect.stringMatching(pattern)];

describe('watchSignal', () => {
  it('is silent where a run learns, also in a few steps without signal', () => {
    expect(told([{}, none, none, none, none, {}, { teacherAsked: 3, movedTokens: 0 }])).toEqual([]);
  });

  it.each([
    ['in the first step', [none, none], /^step 1: no group has a training signal: .*2 prompts, mean reward 0.5/],
    ['in five steps in a row', [{}, none, none, none, none, none], /^step 6: no group/],
    ['where nothing is correct', [{ ...none, correct: 0, reward: 0 }], /none is correct: use easier prompts/],
    ['where everything is', [{ ...none, correct: 1, reward: 1 }], /all are correct: use harder prompts/],
    ['of unparseable completions', [{ unparseable: 8 }, { unparseable: 8 }], /all 8 completions could not be parsed/],
    [
      'of truncated completions',
      [{}, { truncated: 8 }],
      /^step 2: all 8 completions were cut off at rollout.maxTok.*\(6\)/,
    ],
    ['without a scored sample', [{ teacherAsked: 0, movedTokens: 0 }], /the teacher scored no sample, so rlsd trains/],
    ['of an idle teacher', [{ movedTokens: 0 }], /changed no token's advantage by more than 5 %, so rlsd/],
    [
      'in which nothing arrives',
      [{ ...none, samples: 0, lost: 6, 'lost/context-too-long': 6, dropped: 2 }],
      /no sample reached the learner \(6 × context-too-long, 2 dropped by a transform\)/,
    ],
    [
      'in which the rest has no signal',
      [{ ...none, samples: 4, lost: 4, 'lost/context-too-long': 4 }],
      /those that arrived are equal, and 4 samples became dead letters \(4 × context-too-long\)/,
    ],
  ] as const)('warns once %s', (_when, steps, pattern) => {
    expect(told(steps)).toEqual(once(pattern));
  });

  it('says that a group of one has nothing to compare with', () => {
    const alone = { ...spec, rollout: { ...checkSpec(tinyPipeline).rollout, group: 1, maxTokens: 6, temperature: 1 } };
    const watch = watchSignal({ spec: alone, teaching: undefined });
    expect(watch.step({ step: 0, values: { ...healthy, ...none } })).toEqual(once(/rollout.group is 1/));
  });

  it('expects no teacher of a method without one', () => {
    expect(told([{ teacherAsked: 0, movedTokens: 0 }], '')).toHaveLength(1);
    const watch = watchSignal({ spec, teaching: undefined });
    expect(watch.step({ step: 0, values: { ...healthy, teacherAsked: 0, movedTokens: 0 } })).toEqual([]);
  });

  it('warns of published weights that did not change though a group had a signal', () => {
    const watch = watchSignal({ spec, teaching: undefined });
    watch.from('a');
    watch.step({ step: 0, values: { ...healthy, ...none } });
    expect(watch.published(1, 'a')).toEqual([]);
    watch.step({ step: 1, values: healthy });
    watch.step({ step: 2, values: { ...healthy, ...none } });
    expect(watch.published(3, 'a')).toEqual(once(/^version 3 has the same weights .*learn\.lr \(0\.01\)/));
    watch.step({ step: 3, values: healthy });
    expect(watch.published(4, 'b')).toEqual([]);
  });
});
