import { z } from 'zod';
import { required } from '../support/required.js';
import { parseSettings } from '../support/settings.js';

const decay = z.number().min(0).lt(1);

/** What a pipeline's `learn` block and a learner have in common. */
export const optimizationFields = {
  lr: z.number().positive().max(1).describe('Peak learning rate, reached after warm-up.'),
  epochs: z.int().min(1).max(1000).default(1).describe("Passes over a step's samples."),
  updatesPerEpoch: z
    .int()
    .min(1)
    .max(65_536)
    .default(1)
    .describe("Optimizer updates per epoch, each on an equal share of the step's samples."),
  aggregate: z
    .enum(['tokenMean', 'sequenceMean'])
    .default('tokenMean')
    .describe('Average the loss over all tokens of the batch, or per completion and then over completions.'),
  weightDecay: z.number().min(0).max(100).default(0).describe('Decoupled weight decay of AdamW.'),
  betas: z.tuple([decay, decay]).default([0.9, 0.999]).describe('Decay rates of the moments of AdamW.'),
  maxGradNorm: z.number().positive().max(1e6).default(1).describe('Scale gradients down to this L2 norm.'),
  warmup: z.int().min(0).max(10_000_000).default(0).describe('Steps of linear warm-up.'),
  schedule: z
    .enum(['constant', 'linear', 'cosine'])
    .default('constant')
    .describe('Learning rate from the end of warm-up to the last step.'),
} as const;

const optimization = z.object(optimizationFields);

/** The settings of a learner in a pipeline's `learn` block, without its other fields. */
export function optimizationSettings(learn: z.input<typeof optimization>): z.output<typeof optimization> {
  return optimization.parse(learn);
}

const schema = z
  .strictObject({
    ...optimizationFields,
    eps: z.number().positive().default(1e-8).describe('Added to the root of the second moment of AdamW.'),
    totalSteps: z.int().min(1).optional().describe('Steps of the whole run; a schedule that decays needs it.'),
    extended: z
      .array(z.strictObject({ step: z.int().min(0), was: z.int().min(1) }))
      .optional()
      .describe('Earlier totals, oldest first: steps before `step` followed a schedule over `was` steps.'),
    microTokens: z
      .int()
      .min(1)
      .default(512)
      .describe(
        'Tokens, padding included, in one run of the model: memory against speed. A longer sequence runs alone.',
      ),
  })
  .refine(({ schedule, totalSteps }) => schedule === 'constant' || totalSteps !== undefined, {
    path: ['totalSteps'],
    message: 'is missing; expected the number of steps that the schedule spans',
  });

/** How a learner turns samples into updates. */
export type LearnerSettings = Readonly<z.output<typeof schema>>;
/** The same as a caller writes it: all but `lr` has a default. */
export type LearnerInput = Readonly<z.input<typeof schema>>;

/**
 * Checks settings and fills in the defaults.
 * @throws {UserError} `learn-settings` naming every field that is out of range
 */
export function learnerSettings(input: LearnerInput): LearnerSettings {
  return parseSettings(schema, input, 'learn', 'learn-settings');
}

/** Learning rate of a step, counted from 0. */
export function learningRate(settings: LearnerSettings, step: number): number {
  const { lr, warmup, schedule, extended = [] } = settings;
  if (step < warmup) return (lr * (step + 1)) / warmup;
  if (schedule === 'constant') return lr;
  const earlier = extended.find((one) => step < one.step);
  const totalSteps = required(earlier?.was ?? settings.totalSteps, 'steps of a schedule that decays');
  const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
  return lr * (schedule === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2);
}
