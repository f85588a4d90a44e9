import type { Sampling } from '../../engines/policy.js';
import { UserError } from '../../support/errors.js';
import type { Draws } from '../running/evaluate.js';
import type { PipelineSpec } from './spec.js';

/** Prompts per transaction and step number where nothing is trained. */
const BATCH = 16;

type Section<K extends 'rollout' | 'learn' | 'steps'> = NonNullable<PipelineSpec[K]>;

/** @throws {UserError} `no-section` */
function section<K extends 'rollout' | 'learn' | 'steps'>(spec: Pick<PipelineSpec, K>, name: K): Section<K> {
  const found = spec[name];
  if (found === undefined || found === null)
    throw new UserError('no-section', `${name}: the pipeline has none; expected one that samples and trains`);
  return found;
}

/** How completions are sampled. @throws {UserError} `no-section` where nothing is sampled */
export const rolloutOf = (spec: Pick<PipelineSpec, 'rollout'>): Section<'rollout'> => section(spec, 'rollout');

/** How completions are drawn. @throws {UserError} `no-section` where nothing is sampled */
export function samplingOf(spec: Pick<PipelineSpec, 'rollout'>): Sampling {
  const { temperature, topK, topP, minP, maxTokens, stop } = rolloutOf(spec);
  return {
    temperature,
    maxTokens,
    ...(topK !== undefined && { topK }),
    ...(topP !== undefined && { topP }),
    ...(minP !== undefined && { minP }),
    ...(stop && { stop }),
  };
}

/** How the model is trained. @throws {UserError} `no-section` where nothing is trained */
export const learnOf = (spec: Pick<PipelineSpec, 'learn'>): Section<'learn'> => section(spec, 'learn');

/** Training steps. @throws {UserError} `no-section` where nothing is trained */
export const stepsOf = (spec: Pick<PipelineSpec, 'steps'>): number => section(spec, 'steps');

/** Rounds of prompts that a step may have. Recorded samples come as they are. */
export const roundsOf = ({ learn, rollout, from }: Pick<PipelineSpec, 'learn' | 'rollout' | 'from'>): number =>
  learn === undefined || from !== undefined ? 1 : (rollout?.rounds ?? 1);

/** Prompts with the same step number. With several rounds these are places, not all of which are taken. */
export const promptsPerStep = (spec: Pick<PipelineSpec, 'learn' | 'rollout' | 'from'>): number =>
  (spec.learn?.prompts ?? BATCH) * roundsOf(spec);

/**
 * How held-out completions are drawn: greedily, and as `draws` says where samples are asked for; with the rollout's
 * limits unless `evaluate` has its own.
 */
export function evaluationOf({ evaluate, rollout }: Pick<PipelineSpec, 'evaluate' | 'rollout'>): {
  readonly maxTokens: number;
  readonly stop?: readonly string[];
  readonly draws: Draws | undefined;
} {
  const maxTokens = evaluate.maxTokens ?? rollout?.maxTokens;
  if (maxTokens === undefined)
    throw new UserError('no-section', 'evaluate.maxTokens: is missing; expected a number, as there is no rollout');
  const stop = evaluate.stop ?? rollout?.stop;
  const temperature = evaluate.temperature ?? rollout?.temperature ?? 1;
  const draws = evaluate.samples === undefined ? undefined : { samples: evaluate.samples, temperature };
  return { maxTokens, ...(stop && { stop }), draws };
}
