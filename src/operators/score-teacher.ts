import { from, mergeAll, mergeMap, type OperatorFunction } from 'rxjs';
import type { Policy } from '../engines/policy.js';
import { hasAdvantage } from '../methods/advantage.js';
import type { PrivilegedContext, PrivilegedStore } from '../privileged/store.js';
import { float32Bytes, int32Array } from '../records/arrays.js';
import type { DocumentUse, Message, TeacherScore, Verdict } from '../records/records.js';
import { UserError } from '../support/errors.js';
import { type GroupSettings, groupSamples } from './group-samples.js';
import { lastQuestion } from './verify.js';

export interface TeacherSettings extends GroupSettings {
  readonly privileged: PrivilegedStore;
  /** The conversation with the privileged context in it, and what of the context went in. */
  readonly prompt: (
    messages: readonly Message[],
    context: PrivilegedContext,
  ) => { readonly messages: readonly Message[]; readonly documents: readonly DocumentUse[] };
  /** Content hash of the template behind `prompt`. */
  readonly templateHash: string;
  /** The weights that teach a group sampled by this version; waits until they are loaded. */
  readonly version: (policyVersion: number) => Promise<number>;
  /** In a replay: what the record says of a group. */
  readonly recorded?: RecordedScores;
  /** Groups scored at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
}

/** What an earlier run showed the teacher of a group, and its scores where they would come out the same. */
export type RecordedScores = (
  group: readonly Verdict[],
) => Promise<{ readonly documents: readonly DocumentUse[]; readonly scores?: readonly TeacherScore[] } | undefined>;

/**
 * Scores the very tokens that the student sampled under a teacher that sees the privileged context: one forward pass a completion.
 * Groups without any advantage pass through unscored, since nothing would be made of it.
 *
 * @throws {UserError} `no-context` through the store; `context-too-long` when the teacher's prompt leaves no room for the completion.
 * @example
 * verdicts$.pipe(scoreTeacher(policy, { privileged, prompt, templateHash, version: async (v) => v - (v % 10) }));
 */
export function scoreTeacher(policy: Policy, settings: TeacherSettings): OperatorFunction<Verdict, TeacherScore> {
  const { concurrency = 1 } = settings;
  return (verdicts) =>
    verdicts.pipe(
      groupSamples(settings),
      mergeMap((group) => from(scoreGroup(policy, settings, group)), concurrency),
      mergeAll(),
    );
}

async function scoreGroup(
  policy: Policy,
  settings: TeacherSettings,
  group: readonly Verdict[],
): Promise<readonly TeacherScore[]> {
  const [first] = group;
  if (!first || !hasAdvantage(group.map((sample) => sample.reward)))
    return group.map((sample) => ({
      ...sample,
      teacherLogprobs: null,
      teacherVersion: null,
      teacherTemplateHash: null,
      documents: [],
    }));
  const recorded = await settings.recorded?.(group);
  if (recorded?.scores) return recorded.scores;
  const context = await settings.privileged.lookup(first.itemId, lastQuestion(first.messages), recorded?.documents);
  const { messages, documents } = settings.prompt(first.messages, context);
  const prompt = policy.encodePrompt(messages);
  const teacherVersion = await settings.version(first.policyVersion);
  return Promise.all(
    group.map(async (sample) => {
      const completion = int32Array(sample.completionTokens);
      const length = prompt.length + completion.length;
      if (length > policy.contextLength)
        throw new UserError(
          'context-too-long',
          `the teacher's prompt for ${sample.promptId} has ${prompt.length} tokens and completion ${sample.sampleIndex} has ${completion.length}: found ${length}, expected at most ${policy.contextLength}`,
        );
      const tokens = new Int32Array(length);
      tokens.set(prompt);
      tokens.set(completion, prompt.length);
      const logprobs = await policy.score(teacherVersion, {
        tokens,
        from: prompt.length,
        temperature: sample.temperature,
      });
      return {
        ...sample,
        teacherLogprobs: float32Bytes(logprobs),
        teacherVersion,
        teacherTemplateHash: settings.templateHash,
        documents,
      };
    }),
  );
}
