import type { Engine } from '../../engines/engine.js';
import { recordEngine } from '../../engines/engine-spec.js';
import type { Method } from '../../methods/method.js';
import { recordMethod } from '../../methods/shape-spec.js';
import {
  defineTransform,
  type GroupTopic,
  type Transform,
  type TransformOperator,
  type TransformOptions,
} from '../../operators/transform.js';
import type { Verifier } from '../../verifiers/verifier.js';
import { checkSpec } from '../spec/parse.js';
import type { PipelineInput } from '../spec/spec.js';
import { type Components, verifierObject } from './components.js';
import { type Plan, planOf } from './plan.js';
import { registeredTransforms } from './transforms.js';

/** A spec in TypeScript, where the verifier may be an object. */
export type PipelineObjects = Omit<PipelineInput, 'verify'> & { readonly verify?: PipelineInput['verify'] | Verifier };

export interface PipelineBuilder {
  /**
   * Puts an operator of your own between a topic and the stages that read it.
   *
   * @throws {RangeError} unless the name can be part of a topic's name.
   */
  transform<T extends GroupTopic>(
    topic: T,
    name: string,
    operator: TransformOperator<T>,
    options?: TransformOptions,
  ): PipelineBuilder;
  /** @param folder what the spec's paths are relative to */
  plan(folder?: string): Plan;
}

/**
 * A pipeline in TypeScript: the same spec as in YAML, checked by the compiler, with operators of one's own between the
 * stages.
 *
 * @param components parts given as objects, in place of those that the spec names
 * @example
 * const prompts = { file: 'sums.jsonl' };
 * const plan = pipeline({ pipeline: 'sums', steps: 50, model: { base: 'models/sums' }, prompts, … })
 *   .transform('verdicts', 'shorter', () => map((verdict) => ({ ...verdict, reward: verdict.reward -
 *   verdict.completion.length / 1000 })))
 *   .plan();
 */
export function pipeline(input: PipelineObjects, components: Components = {}): PipelineBuilder {
  const { verify, shape, model } = input;
  const engine = isEngine(model.engine) ? model.engine : components.engine;
  const verifier = isVerifier(verify) ? verify : components.verifier;
  const method = isMethod(shape) ? shape : undefined;
  const data = {
    ...input,
    ...(verifier && { verify: verifierObject(verifier) }),
    ...(method && { shape: recordMethod(method) }),
    ...(engine && { model: { ...model, engine: recordEngine(engine) } }),
  };
  const objects = { ...components, ...(verifier && { verifier }), ...(engine && { engine }) };
  const build = (transforms: readonly Transform[]): PipelineBuilder => ({
    transform: (topic, name, operator, options) =>
      build([...transforms, defineTransform(topic, name, operator, options)]),
    plan(folder = process.cwd()) {
      const warnings: string[] = [];
      const spec = checkSpec(data, { warn: (warning) => void warnings.push(warning) });
      return planOf(spec, folder, [...registeredTransforms(spec), ...transforms], {
        ...(method && { method }),
        warnings,
        components: objects,
      });
    },
  });
  return build([]);
}

const isVerifier = (verify: PipelineObjects['verify']): verify is Verifier => typeof verify?.verify === 'function';
const isEngine = (engine: PipelineInput['model']['engine']): engine is Engine =>
  typeof engine === 'object' && 'openPolicy' in engine && typeof engine.openPolicy === 'function';
const isMethod = (shape: PipelineInput['shape']): shape is Method =>
  typeof shape === 'object' && 'shape' in shape && typeof shape.shape === 'function';
