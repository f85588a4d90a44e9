import { mergeMap, toArray } from 'rxjs';
import type { z } from 'zod';
import type { GroupTopic, Sample, TransformOperator } from '../operators/transform.js';

/** Samples of any topic. */
export type AnySample = Pick<
  Sample<GroupTopic>,
  'promptId' | 'sampleIndex' | 'completionTokens' | 'samplingLogprobs' | 'finishReason'
>;

/** Samples that still have their text. */
export type TextSample = AnySample & Pick<Sample<'rollouts'>, 'completion'>;

/** Samples that a verifier has judged. */
export type RewardedSample = AnySample & Pick<Sample<'verdicts'>, 'reward'>;

/**
 * Describes a transform that pipelines name. The pipeline file, its JSON Schema and the documentation follow from it.
 */
export interface TransformDefinition<
  Settings extends z.ZodType = z.ZodType,
  Topic extends GroupTopic = GroupTopic,
  Name extends string = string,
> {
  /** Letters, digits, `-` and `_`; part of the topic's name. */
  readonly name: Name;
  /** One sentence for tables. */
  readonly summary: string;
  /** Topics that it can follow. */
  readonly topics: readonly Topic[];
  /** Each field described with `.describe()`; the texts go into the JSON Schema and the documentation. */
  readonly settings: Settings;
  readonly unit: 'record' | 'group';
  /** Whether it leaves samples out. */
  readonly drops: boolean;
  /**
   * A pure function on the samples of one unit, ordered by prompt and index. A sample that is missing from the result
   * is dropped.
   */
  // Method syntax, so that a list takes definitions of any settings.
  apply(unit: readonly Sample<Topic>[], settings: z.output<Settings>): readonly Sample<Topic>[];
}

/** Keeps the types of a definition. */
export function defineUnitTransform<Settings extends z.ZodType, Topic extends GroupTopic, const Name extends string>(
  definition: TransformDefinition<Settings, Topic, Name>,
): TransformDefinition<Settings, Topic, Name> {
  return definition;
}

/** The RxJS operator of a definition with checked settings. */
export function unitOperator<Settings extends z.ZodType, T extends GroupTopic>(
  definition: TransformDefinition<Settings, T>,
  settings: z.output<Settings>,
): TransformOperator<T> {
  return () => (unit) =>
    unit.pipe(
      toArray(),
      mergeMap((samples) => definition.apply(samples, settings)),
    );
}
