import { loadLoss } from '../../losses/load-loss.js';
import type { Loss } from '../../losses/loss.js';
import { trainingLoss } from '../../losses/training-loss.js';
import type { Method } from '../../methods/method.js';
import { learnOf } from '../spec/sections.js';
import type { PipelineSpec } from '../spec/spec.js';

interface TrainedPlan {
  readonly spec: PipelineSpec;
  /** What paths in the spec are relative to. */
  readonly folder: string;
  readonly method: Method;
}

/**
 * The loss that a pipeline trains with: `learn.loss`, or else its method's with the pipeline's clip range; plus the KL
 * term.
 * @throws {UserError} `bad-loss`, `unknown-loss`, `bad-loss-settings`
 */
export async function learnLoss({ spec, folder, method }: TrainedPlan): Promise<Loss> {
  const { loss, clip, kl } = learnOf(spec);
  if (loss === undefined) return trainingLoss(method.loss, { clip, kl });
  return trainingLoss(await loadLoss(loss, folder), { kl });
}
