import { z } from 'zod';
import { optimizationFields } from '../../learner/settings.js';
import { lossSchema } from '../../losses/loss-spec.js';
import type { PipelineSpec } from './spec.js';

/** Settings of `learn` that each learner of a pipeline can have of its own. */
export const learnFields = {
  ...optimizationFields,
  loss: lossSchema
    .optional()
    .describe("Loss to train with, or a sum of losses, or a module of your own. Default: the method's."),
  clip: z
    .tuple([z.number().gt(0).lt(1), z.number().positive().max(1000)])
    .default([0.2, 0.28])
    .describe("PPO clip range of the method's loss: the ratio counts from `1 - low` to `1 + high`."),
  kl: z.number().min(0).max(1000).default(0).describe('Coefficient of the KL divergence from the base model (k3).'),
  threads: z.int().min(1).max(1024).optional().describe('Threads of the learner. Default: one per core, at most 8.'),
} as const;

type Fields = Readonly<Record<string, z.ZodType>>;
type Overrides<Shape extends Fields> = {
  [K in keyof Shape]: z.ZodOptional<Shape[K] extends z.ZodDefault<infer Inner extends z.ZodType> ? Inner : Shape[K]>;
};

/** The fields without defaults, so that what is not written stays as it is in `learn`. */
function overrides<Shape extends Fields>(fields: Shape): Overrides<Shape> {
  const optional = Object.entries(fields).map(([name, field]) => {
    const written = field instanceof z.ZodDefault ? field.def.innerType : field;
    return [name, z.optional(written).meta(field.meta() ?? {})];
  });
  return Object.fromEntries(optional) as Overrides<Shape>;
}

export const learnersSchema = z
  .record(
    z.string().regex(/^[a-z0-9][a-z0-9-]*$/, 'expected lower-case letters, digits and dashes'),
    z.strictObject(overrides(learnFields)),
  )
  .describe('Further learners on the same samples, by name, each with its own weights and what it changes of `learn`.');

/** Name of the learner that is declared by `learn` and whose weights the rollout samples from. */
export const MAIN_LEARNER = '';

/** The learners of a pipeline besides the main one, in the order in which they are declared. */
export const furtherLearners = ({ learners = {} }: Pick<PipelineSpec, 'learners'>): readonly string[] =>
  Object.keys(learners);

/** All learners of a pipeline, the main one first. */
export const learnersOf = (spec: Pick<PipelineSpec, 'learners'>): readonly string[] => [
  MAIN_LEARNER,
  ...furtherLearners(spec),
];

/** A spec as one of its learners reads it: `learn` has that learner's settings. */
export function specOfLearner(spec: PipelineSpec, learner: string): PipelineSpec {
  const own = spec.learners?.[learner];
  if (!own || !spec.learn) return spec;
  // The parser leaves out what was not written, so no setting is there and undefined.
  return { ...spec, learn: { ...spec.learn, ...(own as Partial<typeof spec.learn>) } };
}

/** A name of which each learner has its own: `weights`, and `weights.fast` of the learner `fast`. */
export const ofLearner = (name: string, learner: string): string =>
  learner === MAIN_LEARNER ? name : `${name}.${learner}`;
