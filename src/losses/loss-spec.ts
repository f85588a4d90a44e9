import { z } from 'zod';
import { type Loss, sumLosses } from './loss.js';
import { createLoss, lossDefinitions } from './registry.js';

const coefficient = z.number().default(1).describe('Factor of this loss in the sum.');

const module = z
  .string()
  .min(1)
  .describe('A loss of your own: a module whose default export is made by `defineLoss`. Its settings go next to it.');

/**
 * The `learn.loss` field: a loss's name, a sum of losses `{ NAME: { coefficient, …settings } }`, or `{ module,
 * …settings }`.
 */
export const lossSchema: z.ZodType<LossSpec, LossSpec> = z.union([
  z.enum(lossDefinitions.map(({ name }) => name)),
  z
    .strictObject(
      Object.fromEntries(
        lossDefinitions.map(({ name, summary, settings }) => [
          name,
          settings.extend({ coefficient }).describe(summary).optional(),
        ]),
      ),
    )
    .refine((parts) => Object.keys(parts).length > 0, 'expected at least one loss'),
  z.looseObject({ module }),
]);

/** A loss of the user's own: a module, and settings for the loss that it exports. */
export interface LossModule {
  readonly module: string;
  readonly [setting: string]: unknown;
}

/** What a pipeline writes for `learn.loss`. */
export type LossSpec = string | Readonly<Record<string, unknown>>;

export function isLossModule(spec: LossSpec): spec is LossModule {
  return typeof spec !== 'string' && typeof spec.module === 'string';
}

const part = z.looseObject({ coefficient });

/**
 * The loss that a spec without a module names.
 * @throws {UserError} `unknown-loss`, `bad-loss-settings`
 * @example namedLoss({ clippedPolicy: {}, distillation: { coefficient: 0.5 } })
 */
export function namedLoss(spec: LossSpec): Loss {
  if (typeof spec === 'string') return createLoss(spec);
  return sumLosses(
    Object.entries(spec).map(([name, input]) => {
      const { coefficient: factor, ...settings } = part.parse(input);
      return [factor, createLoss(name, settings)];
    }),
  );
}
