import { map, mergeAll, type OperatorFunction, tap } from 'rxjs';
import type { JudgedSample, Method, NoTeacher, ShapedSample, TeacherNeed } from '../methods/method.js';
import { asksTeacher } from '../methods/method.js';
import { float32Array, float32Bytes, int32Array } from '../records/arrays.js';
import { distillationRecord, distillationTargets } from '../records/distillation.js';
import type { Advantage, TeacherScore, Verdict } from '../records/records.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import { type GroupSettings, groupSamples } from './group-samples.js';

export interface ShapeSettings extends GroupSettings {
  /** Text of tokens, for methods that look for something in it. */
  readonly decode?: (tokens: Int32Array) => string;
}

/** What a method shapes: teacher scores where it needs a teacher, else verdicts. Need not known: checked per record. */
export type Shapeable<Need extends TeacherNeed> = [NoTeacher] extends [Need] ? Verdict : TeacherScore;

/**
 * Turns each group of judged completions into what its tokens are trained on. Every completion token is trained on.
 * A method that needs a teacher goes behind `scoreTeacher`; the compiler refuses it behind `verify`.
 *
 * @throws {UserError} `no-teacher` on a verdict without teacher scores; `bad-scores` and `bad-method`, naming the
 * sample.
 * @example
 * teacherScores$.pipe(shapeAdvantage(rlsd({ lambda: 1, weightClip: [0.8, 2] })));
 * verdicts$.pipe(shapeAdvantage(grpo()));
 */
export function shapeAdvantage<Need extends TeacherNeed>(
  method: Method<Need>,
  settings: ShapeSettings = {},
): OperatorFunction<Shapeable<Need>, Advantage> {
  const { decode, ...grouping } = settings;
  const shapeGroup = (group: readonly (Verdict | TeacherScore)[]): Advantage[] => {
    const judged = group.map(judgedSample);
    const { step, promptTokens } = at(group, 0);
    const prompt = { promptTokens: int32Array(promptTokens), ...(decode && { decode }) };
    const shaped = method.shape({ samples: judged, ...prompt }, step);
    return shaped.flatMap((sample, i) => {
      const [record, { mask } = {}] = [group[i], judged[i]];
      return record && mask ? advantageRecord(method, record, mask, sample) : [];
    });
  };
  return (records) =>
    records.pipe(
      tap((record) => checkTaught(method, record)),
      groupSamples(grouping),
      map(shapeGroup),
      mergeAll(),
    );
}

function checkTaught(method: Method, record: Verdict | TeacherScore): void {
  if (!asksTeacher(method) || 'teacherVersion' in record) return;
  throw new UserError(
    'no-teacher',
    `sample ${record.promptId}/${record.sampleIndex}: found a verdict without teacher scores, which ` +
      `${method.name} needs; ` +
      'put scoreTeacher between verify and shapeAdvantage',
  );
}

type Judged = JudgedSample & { readonly mask: Uint8Array };

function judgedSample(record: Verdict | TeacherScore): Judged {
  const completionTokens = int32Array(record.completionTokens);
  const scores = 'teacherVersion' in record ? record : undefined;
  const floats = (bytes: Uint8Array | null | undefined) => (bytes ? float32Array(bytes) : null);
  return {
    id: `${record.promptId}/${record.sampleIndex}`,
    reward: record.reward,
    completionTokens,
    truncated: record.finishReason === 'length',
    mask: new Uint8Array(completionTokens.length).fill(1),
    studentLogprobs: float32Array(record.samplingLogprobs),
    teacherLogprobs: floats(scores?.teacherLogprobs),
    contrastLogprobs: floats(scores?.contrastLogprobs),
    teacherTop: scores?.teacherTop ? distillationTargets(scores.teacherTop) : null,
  };
}

function advantageRecord(
  method: Method,
  record: Verdict | TeacherScore,
  mask: Uint8Array,
  { advantage, tokenAdvantages, tokenWeights, referenceLogprobs, distillation, stats }: ShapedSample,
): Advantage {
  return {
    run: record.run,
    promptId: record.promptId,
    itemId: record.itemId,
    sequence: record.sequence,
    step: record.step,
    sampleIndex: record.sampleIndex,
    groupSize: record.groupSize,
    policyVersion: record.policyVersion,
    temperature: record.temperature,
    promptTokens: record.promptTokens,
    completionTokens: record.completionTokens,
    mask,
    samplingLogprobs: record.samplingLogprobs,
    tokenAdvantages: float32Bytes(Float32Array.from(tokenAdvantages)),
    advantage,
    reward: record.reward,
    verdict: record.verdict,
    finishReason: record.finishReason,
    teacherVersion: 'teacherVersion' in record ? record.teacherVersion : null,
    tokenWeights: tokenWeights ? float32Bytes(tokenWeights) : null,
    referenceLogprobs: referenceLogprobs ? float32Bytes(referenceLogprobs) : null,
    distillation: distillation ? distillationRecord(distillation) : null,
    stats,
    shaper: method.id,
  };
}
