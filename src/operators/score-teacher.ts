import { from, mergeAll, mergeMap, type OperatorFunction } from 'rxjs';
import type { Policy } from '../engines/policy.js';
import { asksTeacher, type Method, type TeacherScores } from '../methods/method.js';
import { hasAdvantage } from '../methods/parts/advantage.js';
import type { PrivilegedContext, PrivilegedPiece, PrivilegedStore } from '../privileged/store.js';
import { float32Bytes, int32Array, int32Bytes } from '../records/arrays.js';
import type { Distillation, DocumentUse, Message, TeacherScore, Verdict } from '../records/records.js';
import { UserError } from '../support/errors.js';
import { required } from '../support/required.js';
import { type GroupSettings, groupSamples } from './group-samples.js';
import { lastQuestion } from './verify.js';

export interface TeacherSettings extends GroupSettings {
  readonly privileged: PrivilegedStore;
  /** Another prompt's context for each prompt, for methods with a shuffled contrast. */
  readonly shuffled?: PrivilegedStore;
  /** The conversation with the context in it, and which documents went in. */
  readonly prompt: (
    messages: readonly Message[],
    context: PrivilegedContext,
  ) => { readonly messages: readonly Message[]; readonly documents: readonly DocumentUse[] };
  /** Content hash of the template behind `prompt`. */
  readonly templateHash: string;
  /** The teacher's version for a group that this policy version sampled; resolves once it is loaded. */
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
 * Scores the very tokens that the student sampled under the teacher that a method asks for: with privileged context,
 * with context made from the group itself, or with the student's own prompt. One forward pass per completion and
 * context. Groups of equal rewards pass through unscored unless the method uses them.
 *
 * @throws {RangeError} where the method needs no teacher, or the policy cannot give the scores that it asks for.
 * @throws {UserError} on the stream: `no-context` through the store; `context-too-long` when the teacher's prompt
 * leaves no room for the completion.
 * @example
 * const method = rlsd();
 * const teacher = { privileged, prompt, templateHash, version: async (v) => v - (v % 10) };
 * verdicts$.pipe(scoreTeacher(policy, method, teacher), shapeAdvantage(method));
 */
export function scoreTeacher(
  policy: Policy,
  method: Method,
  settings: TeacherSettings,
): OperatorFunction<Verdict, TeacherScore> {
  const { concurrency = 1, timeoutMs } = settings;
  const teacher = teacherFor(policy, method, settings);
  return (verdicts) =>
    verdicts.pipe(
      groupSamples(timeoutMs === undefined ? {} : { timeoutMs }),
      mergeMap((group) => from(scoreGroup(teacher, group)), concurrency),
      mergeAll(),
    );
}

type Scores = Pick<TeacherScore, 'teacherLogprobs' | 'contrastLogprobs' | 'teacherTop'>;
interface ScoreInput {
  readonly version: number;
  readonly prompt: Int32Array;
  readonly sample: Verdict;
}

/** A teacher as a method asks for it. */
interface Teacher extends TeacherSettings {
  readonly policy: Policy;
  readonly method: Method<TeacherScores>;
}

/** What the teacher sees of a sample; null: it does not score it. */
interface Seen {
  readonly prompt: Int32Array;
  readonly contrast?: Int32Array;
  readonly templateHash: string | null;
  readonly documents: readonly DocumentUse[];
}

function teacherFor(policy: Policy, method: Method, settings: TeacherSettings): Teacher {
  if (!asksTeacher(method))
    throw new RangeError(
      `${method.name} needs no teacher scores: put shapeAdvantage behind verify, without scoreTeacher`,
    );
  if (method.teacher.scores === 'topK' && !policy.scoreTop)
    throw new RangeError(
      `${method.name} asks for the teacher's distribution, but the policy has no scoreTop: ` +
        'use an engine that scores top-k',
    );
  if (method.teacher.contrast && !settings.shuffled)
    throw new RangeError(
      `${method.name} contrasts each prompt's context with another's, but the teacher has no shuffled store`,
    );
  return { ...settings, policy, method };
}

async function scoreGroup(teacher: Teacher, group: readonly Verdict[]): Promise<readonly TeacherScore[]> {
  const { method, recorded: recordedScores, version } = teacher;
  const [first] = group;
  if (!first || !(method.usesUniformGroups || hasAdvantage(group.map((sample) => sample.reward))))
    return group.map(unscored);
  const recorded = await recordedScores?.(group);
  if (recorded?.scores?.every((score) => fits(teacher, score))) return recorded.scores;
  const see = await viewOf(teacher, group, first, recorded?.documents);
  const teacherVersion = await version(first.policyVersion);
  return Promise.all(
    group.map(async (sample) => {
      const seen = see(sample);
      if (!seen) return unscored(sample);
      const { prompt, contrast, templateHash, documents } = seen;
      const [scores, contrasted] = await Promise.all([
        scoresOf(teacher, { version: teacherVersion, prompt, sample }),
        contrast && sampledScores(teacher, { version: teacherVersion, prompt: contrast, sample }),
      ]);
      return {
        ...sample,
        ...scores,
        contrastLogprobs: contrasted ?? null,
        teacherVersion,
        teacherTemplateHash: templateHash,
        documents,
      };
    }),
  );
}

function unscored(sample: Verdict): TeacherScore {
  return {
    ...sample,
    teacherLogprobs: null,
    contrastLogprobs: null,
    teacherTop: null,
    teacherVersion: null,
    teacherTemplateHash: null,
    documents: [],
  };
}

/** Whether recorded scores are of the kind that the method asks for. */
function fits({ policy, method }: Teacher, score: TeacherScore): boolean {
  const { scores, context, contrast } = method.teacher;
  if (score.teacherVersion === null) return context === 'siblings';
  if (scores === 'topK') return score.teacherTop?.k === topCount(policy, method);
  return score.teacherLogprobs !== null && (!contrast || score.contrastLogprobs !== null);
}

/** How many tokens of each position the teacher names. */
function topCount({ vocabularySize }: Policy, { name, teacher: { k } }: Method<TeacherScores>): number {
  const count = k === 'all' ? vocabularySize : Math.min(required(k, `${name}: teacher.k`), vocabularySize ?? Infinity);
  if (count === undefined)
    throw new RangeError(`${name} asks for the whole distribution, but the policy does not tell its vocabularySize`);
  return count;
}

/** How the teacher sees each sample of a group. */
async function viewOf(
  { policy, method, privileged, shuffled, prompt: promptOf, templateHash }: Teacher,
  group: readonly Verdict[],
  first: Verdict,
  recorded: readonly DocumentUse[] | undefined,
): Promise<(sample: Verdict) => Seen | null> {
  const { context, contrast } = method.teacher;
  if (context === 'none') {
    const seen = { prompt: policy.encodePrompt(first.messages), templateHash: null, documents: [] };
    return () => seen;
  }
  if (context === 'privileged') {
    const question = lastQuestion(first.messages);
    const found = await privileged.lookup(first.itemId, question, recorded);
    const { messages, documents } = promptOf(first.messages, found);
    const other = contrast && (await shuffled?.lookup(first.itemId, question));
    const seen = {
      prompt: policy.encodePrompt(messages),
      ...(other && { contrast: policy.encodePrompt(promptOf(first.messages, other).messages) }),
      templateHash,
      documents,
    };
    return () => seen;
  }
  const encode = (text: string) =>
    policy.encodePrompt(promptOf(first.messages, { pieces: [siblingPiece(text)] }).messages);
  return (sample) => {
    const sibling = method.siblingContext?.(group, sample) ?? null;
    if (sibling === null) return null;
    const { text, contrast } = sibling;
    return {
      prompt: encode(text),
      ...(contrast !== undefined && { contrast: encode(contrast) }),
      templateHash,
      documents: [],
    };
  };
}

/** Text from the group as a piece of context, so that the template shows it. It is no document of anyone's. */
const siblingPiece = (content: string): PrivilegedPiece => ({
  kind: 'trace',
  id: 'siblings',
  version: '',
  title: '',
  content,
  start: 0,
  end: content.length,
  truncated: false,
});

async function scoresOf(teacher: Teacher, input: ScoreInput): Promise<Omit<Scores, 'contrastLogprobs'>> {
  return teacher.method.teacher.scores === 'topK'
    ? { teacherLogprobs: null, teacherTop: await topScores(teacher, input) }
    : { teacherLogprobs: await sampledScores(teacher, input), teacherTop: null };
}

async function sampledScores({ policy }: Teacher, input: ScoreInput): Promise<Uint8Array> {
  return float32Bytes(await policy.score(input.version, requestOf(policy, input)));
}

async function topScores({ policy, method }: Teacher, input: ScoreInput): Promise<Distillation> {
  if (!policy.scoreTop) throw new RangeError(`${method.name}: the policy has no scoreTop`);
  const k = topCount(policy, method);
  const { ids, logprobs, tailLogprobs } = await policy.scoreTop(input.version, { ...requestOf(policy, input), k });
  return {
    k,
    topIds: int32Bytes(ids),
    topLogprobs: float32Bytes(logprobs),
    tailLogprobs: float32Bytes(tailLogprobs),
  };
}

function requestOf(policy: Policy, { prompt, sample }: ScoreInput) {
  const completion = int32Array(sample.completionTokens);
  const length = prompt.length + completion.length;
  if (length > policy.contextLength)
    throw new UserError(
      'context-too-long',
      `the teacher's prompt for ${sample.promptId} has ${prompt.length} tokens and completion ` +
        `${sample.sampleIndex} has ${completion.length}: found ${length}, expected at most ${policy.contextLength}`,
    );
  const tokens = new Int32Array(length);
  tokens.set(prompt);
  tokens.set(completion, prompt.length);
  return { tokens, from: prompt.length, temperature: sample.temperature };
}
