import type { Engine } from '../../engines/engine.js';
import type { Policy } from '../../engines/policy.js';
import type { Learner } from '../../learner/learner.js';
import { digest } from '../../support/digest.js';
import { UserError } from '../../support/errors.js';
import { createVerifier } from '../../verifiers/create.js';
import type { Verifier } from '../../verifiers/verifier.js';
import type { PipelineSpec } from '../spec/spec.js';
import { tasksOf } from '../spec/tasks.js';

/**
 * Parts of a run given as objects, in place of those that the spec names. The caller closes them; the manifest records
 * which they are.
 */
export interface Components {
  /** Runs the model, in place of `model.engine`. */
  readonly engine?: Engine;
  /** Samples and scores, in place of the engine. */
  readonly policy?: Policy;
  /** Judges, in place of `verify`. */
  readonly verifier?: Verifier;
  /**
   * Trains, in place of `learn`: a learner at the base model's weights, or a function that opens one. A function is
   * called again whenever this process takes over the training; an object has to continue from `loadCheckpoint`.
   */
  readonly learner?: Learner | (() => Promise<Learner>);
}

/** What the spec says where its verifier is an object: the object's hash. */
export const verifierObject = ({ hash }: Verifier) => ({ object: hash });

/**
 * The verifier of each task, by its name: the object, or the one that the spec names. Only the latter is closed by
 * `close`. A task that judges nothing has none.
 * @throws {UserError} `needs-object` when the spec has the hash of an object that is not here
 */
export async function openVerifiers(
  spec: PipelineSpec,
  folder: string,
  { verifier }: Components,
): Promise<ReadonlyMap<string, Verifier>> {
  const opened = new Map<string, Verifier>();
  try {
    for (const { name, verify } of tasksOf(spec)) {
      if (!verify) continue;
      if (!('object' in verify)) opened.set(name, await createVerifier(verify, { folder }));
      else if (verifier) opened.set(name, { ...verifier, close: async () => {} });
      else
        throw new UserError(
          'needs-object',
          'verify: the verifier is an object of the program that made this run; run it from there, or name a verifier',
        );
    }
  } catch (error) {
    // Nobody else could close those of the tasks before.
    await Promise.allSettled([...opened.values()].map((one) => one.close()));
    throw error;
  }
  return opened;
}

/** For the manifest: the hash of the only verifier, or of all of them. */
export function verifiersHash(verifiers: ReadonlyMap<string, Verifier>): string {
  const only = verifiers.get('');
  return only ? only.hash : digest(...[...verifiers].flatMap(([task, { hash }]) => [task, hash]));
}

/** For the manifest: the parts that are objects and have no other trace there; nothing where there is none. */
export function objectsOf({ policy, learner }: Components): { readonly objects?: readonly string[] } {
  const objects = [...(learner ? ['learner'] : []), ...(policy ? ['policy'] : [])];
  return objects.length > 0 ? { objects } : {};
}
