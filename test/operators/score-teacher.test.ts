import { from, lastValueFrom, type Observable, toArray } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Policy } from '../../src/engines/policy.js';
import { bindMethod } from '../../src/methods/bind.js';
import { grpo } from '../../src/methods/grpo.js';
import type { Method, MethodBehavior, SiblingContext, TeacherScores } from '../../src/methods/method.js';
import { rlsd } from '../../src/methods/rlsd.js';
import { scoreTeacher, type TeacherSettings } from '../../src/operators/score-teacher.js';
import { float32Array } from '../../src/records/arrays.js';
import { distillationTargets } from '../../src/records/distillation.js';
import type { TeacherScore, Verdict } from '../../src/records/records.js';
import { constantPolicy } from '../fakes/policy.js';
import { promptOf, rolloutOf, verdictOf } from '../fakes/records.js';

const all = <T>(stream: Observable<T>): Promise<T[]> => lastValueFrom(stream.pipe(toArray()));
const verdicts = (rewards: readonly number[]): Verdict[] =>
  rewards.map((reward, i) => verdictOf(rolloutOf(promptOf(0), i, rewards.length), reward));

/** A method that only asks. */
const asking = (teacher: TeacherScores, rest: Partial<MethodBehavior> = {}): Method =>
  bindMethod(
    {
      name: 'asking',
      summary: '',
      settings: z.strictObject({}),
      statistics: {},
      create: (): MethodBehavior => ({ teacher, usesUniformGroups: true, shape: () => [], ...rest }),
    },
    {},
  );

/** Scores are minus the length of the teacher's prompt, so that tests see what it saw. */
const policy: Policy = {
  ...constantPolicy(),
  score: async (_, { tokens, from }) => new Float32Array(tokens.length - from).fill(-from),
};
const topPolicy: Policy = {
  ...policy,
  scoreTop: async (_, { tokens, from, k }) => ({
    ids: new Int32Array((tokens.length - from) * k).fill(from),
    logprobs: new Float32Array((tokens.length - from) * k).fill(-1),
    tailLogprobs: new Float32Array(tokens.length - from).fill(-3),
  }),
};
const settings: TeacherSettings = {
  privileged: { lookup: () => Promise.reject(new Error('the store was asked')) },
  prompt: (messages, { pieces }) => ({
    messages: messages.map((m) => ({ ...m, content: pieces.map(({ content }) => content).join('') + m.content })),
    documents: [],
  }),
  templateHash: 'template',
  version: async () => 3,
};
const [question] = promptOf(0).messages.map(({ content }) => content.length);
const score = (method: Method, rewards = [1, 0], asked: Policy = policy, rest: Partial<TeacherSettings> = {}) =>
  all(from(verdicts(rewards)).pipe(scoreTeacher(asked, method, { ...settings, ...rest })));
const first = (bytes: Uint8Array | null) => (bytes === null ? null : float32Array(bytes)[0]);

describe('scoreTeacher', () => {
  it('refuses at once a method that needs no teacher', () => {
    expect(() => scoreTeacher(policy, grpo(), settings)).toThrow(
      new RangeError('grpo needs no teacher scores: put shapeAdvantage behind verify, without scoreTeacher'),
    );
  });

  it('refuses at once top-k scores of a policy that has none', () => {
    const method = asking({ scores: 'topK', k: 4, model: 'self', context: 'none' });
    expect(() => scoreTeacher(policy, method, settings)).toThrow(
      /asking asks for the teacher's distribution, but the policy has no scoreTop: use an engine that scores top-k/,
    );
  });

  it("shows a teacher without context the student's own prompt", async () => {
    const scores = await score(asking({ scores: 'sampled', model: 'self', context: 'none' }));
    for (const { teacherLogprobs, teacherTemplateHash, teacherVersion, documents } of scores)
      expect([-Number(first(teacherLogprobs)), teacherTemplateHash, teacherVersion, documents]).toEqual([
        question,
        null,
        3,
        [],
      ]);
  });

  it("gives the teacher's distribution where the method asks for it", async () => {
    const scores = await score(asking({ scores: 'topK', k: 2, model: 'self', context: 'none' }), [1, 0], topPolicy);
    for (const { teacherTop, teacherLogprobs } of scores) {
      expect(teacherLogprobs).toBeNull();
      expect(teacherTop && distillationTargets(teacherTop)).toEqual({
        k: 2,
        topIds: new Int32Array(4).fill(Number(question)),
        topLogprobs: Float32Array.of(-1, -1, -1, -1),
        tailLogprobs: Float32Array.of(-3, -3),
      });
    }
  });

  it('scores groups of equal rewards only where the method uses them', async () => {
    const teacher = { scores: 'sampled', model: 'self', context: 'none' } as const;
    const versions = (scores: readonly TeacherScore[]) => scores.map(({ teacherVersion }) => teacherVersion);
    expect(versions(await score(asking(teacher), [1, 1]))).toEqual([3, 3]);
    expect(versions(await score(asking(teacher, { usesUniformGroups: false }), [1, 1]))).toEqual([null, null]);
  });

  describe('with context from the group', () => {
    const siblings =
      (contrast: boolean) =>
      (group: readonly Verdict[], sample: Verdict): SiblingContext | null => {
        const best = group.find(({ reward, sampleIndex }) => reward === 1 && sampleIndex !== sample.sampleIndex);
        return best ? { text: `see ${best.sampleIndex}`, ...(contrast && { contrast: 'bad' }) } : null;
      };
    const method = (contrast: boolean) =>
      asking({ scores: 'sampled', model: 'self', context: 'siblings' }, { siblingContext: siblings(contrast) });

    it("shows the teacher the method's text, and leaves out samples that have none", async () => {
      const [own, other] = await score(method(false));
      expect(own).toMatchObject({ teacherLogprobs: null, teacherVersion: null, documents: [] });
      expect(other && first(other.teacherLogprobs)).toBe(-('see 0'.length + Number(question)));
      expect(other).toMatchObject({ teacherTemplateHash: 'template', contrastLogprobs: null, documents: [] });
    });

    it('scores a contrasting text as well', async () => {
      const [, other] = await score(method(true));
      expect(other && first(other.contrastLogprobs)).toBe(-('bad'.length + Number(question)));
    });
  });

  it('takes recorded scores over only where they are what the method asks for', async () => {
    const sampled = asking({ scores: 'sampled', model: 'self', context: 'none' });
    const top = asking({ scores: 'topK', k: 2, model: 'self', context: 'none' });
    const scores = await score(sampled, [1, 0], policy, { version: async () => 1 });
    const recorded = async () => ({ documents: [], scores });
    expect(await score(sampled, [1, 0], policy, { recorded })).toEqual(scores);
    const again = await score(top, [1, 0], topPolicy, { recorded });
    expect(again.map(({ teacherVersion }) => teacherVersion)).toEqual([3, 3]);
  });

  it('asks the store for privileged context', async () => {
    await expect(score(rlsd())).rejects.toThrow('the store was asked');
  });
});
