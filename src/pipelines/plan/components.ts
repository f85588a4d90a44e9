import type { Engine } from '../../engines/engine.js';
import type { Policy } from '../../engines/policy.js';
import type { Learner } from '../../learner/learner.js';
import { UserError } from '../../support/errors.js';
import { createVerifier } from '../../verifiers/create.js';
import type { Verifier } from '../../verifiers/verifier.js';
import type { PipelineSpec } from '../spec/spec.js';

/**
 * Parts of a run given as objects, in place of those that the spec names. The caller closes them; the manifest records which
 * they are.
 */
export interface Components {
  /** Runs the model, in place of `model.engine`. */
  readonly engine?: Engine;
  /** Samples and scores, in place of the engine. */
  readonly policy?: Policy;
  /** Judges, in place of `verify`. */
  readonly verifier?: Verifier;
  /**
   * Trains, in place of `learn`: a learner at the base model's weights, or a function that opens one. A function is called again
   * whenever this process takes over the training; an object has to continue from `loadCheckpoint`.
   */
  readonly learner?: Learner | (() => Promise<Learner>);
}

/** What the spec says where its verifier is an object: the object's hash. */
export const verifierObject = ({ hash }: Verifier) => ({ object: hash });

/**
 * The verifier of a pipeline: the object, or the one that the spec names. Only the latter is closed by `close`.
 * @throws {UserError} `needs-object` when the spec has the hash of an object that is not here
 */
export async function openVerifier(
  { verify }: Pick<PipelineSpec, 'verify'>,
  folder: string,
  { verifier }: Components,
): Promise<Verifier> {
  if (verifier) return { ...verifier, close: async () => {} };
  if ('object' in verify)
    throw new UserError(
      'needs-object',
      'verify: the verifier is an object of the program that made this run; run it from there, or name a verifier',
    );
  return createVerifier(verify, { folder });
}

/** For the manifest: the parts that are objects and have no other trace there; nothing where there is none. */
export function objectsOf({ policy, learner }: Components): { readonly objects?: readonly string[] } {
  const objects = [...(learner ? ['learner'] : []), ...(policy ? ['policy'] : [])];
  return objects.length > 0 ? { objects } : {};
}
