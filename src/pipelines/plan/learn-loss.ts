import { loadLoss, lossModuleHash } from '../../losses/load-loss.js';
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

/**
 * For the manifest: content hash of each loss module that the spec names, `learn`'s apart from those of further
 * learners; nothing where it names none.
 * @throws {UserError} `bad-loss`
 */
export function lossModuleHashes({ spec, folder }: Pick<TrainedPlan, 'spec' | 'folder'>): {
  readonly lossModule?: string;
  readonly lossModules?: Readonly<Record<string, string>>;
} {
  const lossModule = lossModuleHash(spec.learn?.loss, folder);
  const further = Object.entries(spec.learners ?? {}).flatMap(([learner, { loss }]) => {
    const hash = lossModuleHash(loss, folder);
    return hash === undefined ? [] : [[learner, hash] as const];
  });
  return {
    ...(lossModule !== undefined && { lossModule }),
    ...(further.length > 0 && { lossModules: Object.fromEntries(further) }),
  };
}
