import { map, mergeAll, type OperatorFunction } from 'rxjs';
import type { Shaper } from '../methods/shapers.js';
import { float32Array, float32Bytes, int32Array } from '../records/arrays.js';
import type { Advantage, TeacherScore, Verdict } from '../records/records.js';
import { type GroupSettings, groupSamples } from './group-samples.js';

export interface ShapeSettings extends GroupSettings {
  /** Which tokens the teacher may reweight, 1 or 0 a token. Default: all of them. */
  readonly span?: (completionTokens: Int32Array) => Uint8Array;
}

/**
 * Turns each group of judged, and perhaps teacher-scored, completions into token advantages.
 * Every completion token is trained on; a shaper that needs a teacher must be fed from `scoreTeacher`.
 *
 * @throws {UserError} `bad-scores`, naming the sample.
 * @example
 * teacherScores$.pipe(shapeAdvantage(rlsd({ lambda: 1, clip: [0.8, 2] })));
 * verdicts$.pipe(shapeAdvantage(grpo()));
 */
export function shapeAdvantage(
  shaper: Shaper,
  settings: ShapeSettings = {},
): OperatorFunction<Verdict | TeacherScore, Advantage> {
  const shapeGroup = (group: readonly (Verdict | TeacherScore)[]): Advantage[] => {
    const samples = group.map((sample) => {
      const teacher = 'teacherLogprobs' in sample ? sample.teacherLogprobs : null;
      const tokens = int32Array(sample.completionTokens);
      return {
        id: `${sample.promptId}/${sample.sampleIndex}`,
        reward: sample.reward,
        studentLogprobs: float32Array(sample.samplingLogprobs),
        teacherLogprobs: teacher && float32Array(teacher),
        mask: new Uint8Array(tokens.length).fill(1),
        ...(settings.span && { span: settings.span(tokens) }),
      };
    });
    const shaped = shaper.shape(samples, group[0]?.step ?? 0);
    return group.flatMap((sample, i) => {
      const result = shaped[i];
      const mask = samples[i]?.mask;
      if (!result || !mask) return [];
      return {
        run: sample.run,
        promptId: sample.promptId,
        itemId: sample.itemId,
        sequence: sample.sequence,
        step: sample.step,
        sampleIndex: sample.sampleIndex,
        groupSize: sample.groupSize,
        policyVersion: sample.policyVersion,
        temperature: sample.temperature,
        promptTokens: sample.promptTokens,
        completionTokens: sample.completionTokens,
        mask,
        samplingLogprobs: sample.samplingLogprobs,
        tokenAdvantages: float32Bytes(Float32Array.from(result.tokenAdvantages)),
        advantage: result.advantage,
        reward: sample.reward,
        verdict: sample.verdict,
        teacherVersion: 'teacherVersion' in sample ? sample.teacherVersion : null,
        shapeStats: result.stats,
        shaper: shaper.id,
      };
    });
  };
  return (records) => records.pipe(groupSamples(settings), map(shapeGroup), mergeAll());
}
