import { type Loss, sumLosses, withLossSettings } from './loss.js';
import { referenceKl } from './reference-kl.js';

/** What a pipeline's `learn` block decides of a loss. */
export interface TrainingLossSettings {
  /** PPO clip range of `clippedPolicy` parts; left out: as they have it. */
  readonly clip?: readonly [low: number, high: number];
  /** Coefficient of the KL divergence from the base model; 0 leaves it out. */
  readonly kl: number;
}

/**
 * A loss with the settings of a pipeline.
 * @example trainingLoss(clippedPolicy.create(), { clip: [0.2, 0.28], kl: 0.01 }).name //
 * 'clippedPolicy+0.01*referenceKl'
 */
export function trainingLoss(loss: Loss, { clip, kl }: TrainingLossSettings): Loss {
  const clipped = clip === undefined ? loss : withLossSettings(loss, 'clippedPolicy', { clip });
  return kl === 0
    ? clipped
    : sumLosses([
        [1, clipped],
        [kl, referenceKl.create()],
      ]);
}
