import { nearest, UserError } from '../support/errors.js';
import { clippedPolicy } from './clipped-policy.js';
import { crossEntropy } from './cross-entropy.js';
import { distillation } from './distillation.js';
import type { Loss, LossDefinition } from './loss.js';
import { referenceKl } from './reference-kl.js';

/** Every loss that a pipeline can name. */
export const lossDefinitions: readonly LossDefinition[] = [clippedPolicy, referenceKl, crossEntropy, distillation];

/**
 * A loss by its name.
 * @throws {UserError} `unknown-loss`, `bad-loss-settings`
 * @example createLoss('clippedPolicy', { clip: [0.2, 0.2] })
 */
export function createLoss(name: string, settings: object = {}): Loss {
  const definition = lossDefinitions.find((one) => one.name === name);
  if (definition) return definition.create(settings);
  const names = lossDefinitions.map((one) => one.name);
  const guess = nearest(name, names);
  const hint = guess === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${guess}?`;
  throw new UserError('unknown-loss', `loss ${name}: unknown; ${hint}`);
}
