import { from, lastValueFrom, type Observable, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import type { Policy, ScoreRequest } from '../../src/engines/policy.js';
import { grpo, rlsd } from '../../src/methods/index.js';
import { learn, type TrainSample } from '../../src/operators/learn.js';
import { rollout } from '../../src/operators/rollout.js';
import { scoreTeacher, type TeacherSettings } from '../../src/operators/score-teacher.js';
import { shapeAdvantage } from '../../src/operators/shape-advantage.js';
import { verify } from '../../src/operators/verify.js';
import { float32Array } from '../../src/records/arrays.js';
import type { Verifier } from '../../src/verifiers/verifier.js';
import { constantPolicy } from '../fakes/policy.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

const all = <T>(stream: Observable<T>): Promise<T[]> => lastValueFrom(stream.pipe(toArray()));
const sampling = { temperature: 0.5, maxTokens: 8 };

/** Says correct where the completion ends in a digit that the reference holds. */
const verifier: Verifier = {
  name: 'ends-in',
  hash: 'h',
  verify: async ({ completion, reference }) => {
    const correct = reference.answer.includes(completion.at(-1) ?? '-');
    return { verdict: correct ? 'correct' : 'incorrect', reward: correct ? 1 : 0, reason: '', evidence: {} };
  },
  close: async () => {},
};

/** A policy that keeps what it was asked to score. */
function scoring(): { policy: Policy; scored: { version: number; request: ScoreRequest }[] } {
  const scored: { version: number; request: ScoreRequest }[] = [];
  const policy = constantPolicy();
  return {
    scored,
    policy: {
      ...policy,
      score(version, request) {
        scored.push({ version, request });
        return policy.score(version, request);
      },
    },
  };
}

const hint = {
  kind: 'trace',
  id: 'x',
  version: '1',
  title: '',
  content: 'a hint',
  start: 0,
  end: 6,
  truncated: false,
} as const;
const teacher: TeacherSettings = {
  privileged: { lookup: async () => ({ pieces: [hint] }) },
  prompt: (messages, { pieces }) => ({
    messages: messages.map((m) => ({ ...m, content: `${pieces[0]?.content} ${m.content}` })),
    documents: [],
  }),
  templateHash: 'template',
  version: async (policyVersion) => policyVersion - (policyVersion % 10),
};

describe('scoreTeacher', () => {
  const group = (rewards: readonly number[]) =>
    rewards.map((reward, i) => verdictOf({ ...rolloutOf(promptOf(0), i, rewards.length), policyVersion: 14 }, reward));

  it('scores the very tokens of each completion behind a prompt that holds the context', async () => {
    const { policy, scored } = scoring();
    const verdicts = group([1, 0]);
    const scores = await all(from(verdicts).pipe(scoreTeacher(policy, rlsd(), teacher)));
    expect(scored.map(({ version }) => version)).toEqual([10, 10]);
    for (const { request } of scored) {
      expect(request.from).toBe('a hint what is 0?'.length);
      expect([...request.tokens.subarray(request.from)]).toEqual([3, 4]);
      expect(request.temperature).toBe(1);
    }
    expect(scores).toMatchObject([0, 1].map(() => ({ teacherVersion: 10, teacherTemplateHash: 'template' })));
    for (const { teacherLogprobs } of scores) expect(float32Array(teacherLogprobs ?? new Uint8Array())).toHaveLength(2);
  });

  it.each([[[1, 1, 1]], [[0, 0]], [[0.3]]])('asks nobody about a group without any advantage: %j', async (rewards) => {
    const { policy, scored } = scoring();
    let looked = 0;
    const lookup = async () => {
      looked++;
      return { pieces: [hint] };
    };
    const settings = { ...teacher, privileged: { lookup } };
    const advantages = await all(
      from(group(rewards)).pipe(scoreTeacher(policy, rlsd(), settings), shapeAdvantage(rlsd({ lambda: 1 }))),
    );
    expect([scored.length, looked]).toEqual([0, 0]);
    expect(advantages).toHaveLength(rewards.length);
    for (const { advantage, tokenAdvantages, teacherVersion } of advantages)
      expect([advantage, ...float32Array(tokenAdvantages), teacherVersion]).toEqual([0, 0, 0, null]);
  });

  it('names the sample whose completion the context leaves no room for', async () => {
    const policy = { ...constantPolicy(), contextLength: 18 };
    await expect(all(from(group([1, 0])).pipe(scoreTeacher(policy, rlsd(), teacher)))).rejects.toMatchObject({
      code: 'context-too-long',
      message: expect.stringMatching(
        /prompt for p0 has 17 tokens and completion \d has 2: found 19, expected at most 18/,
      ),
    });
  });
});

describe('all of them, over an array', () => {
  const run = async (shaper: 'grpo' | 'rlsd') => {
    const { policy, scored } = scoring();
    const verified = from([0, 1, 2, 3].map(promptOf)).pipe(
      rollout(policy, { group: 4, sampling, version: async () => ({ version: 0, digest: '' }), concurrency: 4 }),
      verify(verifier, { reference: async (id) => ({ answer: id === 'p3' ? '0123456789' : '02468', data: null }) }),
    );
    const shaped =
      shaper === 'grpo'
        ? verified.pipe(shapeAdvantage(grpo()))
        : verified.pipe(scoreTeacher(policy, rlsd(), teacher), shapeAdvantage(rlsd({ lambda: 0 })));
    const batches: (readonly TrainSample[])[] = [];
    const trainer = { step: async (samples: readonly TrainSample[]) => batches.push(samples) };
    const settings = { prompts: 4, maxLag: 0, version: () => 0, onStale: () => {} };
    const [step] = await all(shaped.pipe(learn(trainer, settings)));
    return { step, scored, batches };
  };

  it('make a step of every sample, and lambda 0 makes that of grpo', async () => {
    const [plain, distilled] = [await run('grpo'), await run('rlsd')];
    expect(plain.step?.samples).toHaveLength(16);
    expect(plain.step?.samples.some(({ advantage }) => advantage !== 0)).toBe(true);
    expect(distilled.batches).toEqual(plain.batches);
    expect(plain.scored).toEqual([]);
    const unequal = new Set(plain.step?.samples.flatMap((s) => (s.advantage === 0 ? [] : [s.promptId])));
    expect(unequal).not.toContain('p3');
    expect(distilled.scored).toHaveLength(4 * unequal.size);
  });
});
