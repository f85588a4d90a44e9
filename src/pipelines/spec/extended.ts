import { z } from 'zod';
import { STEPS, upTo } from './bounds.js';
import type { PipelineSpec } from './spec.js';

export const extendedSchema = z
  .array(
    z.strictObject({
      step: z.int().min(0).max(STEPS).describe('The first step, from 0, that was planned with the larger number.'),
      was: upTo(STEPS).describe('The number of steps until then.'),
    }),
  )
  .min(1)
  .describe('How often `steps` was raised, oldest first. `rlsd resume --steps` writes it into the manifest.');

type Extensions = Pick<PipelineSpec, 'steps' | 'extended'>;

/** A spec with more steps; `step` is the first one that is still to be made. */
export const extendSpec = (spec: PipelineSpec, was: number, steps: number, step: number): PipelineSpec => ({
  ...spec,
  steps,
  extended: [...(spec.extended ?? []), { step, was }],
});

/** The spec that an extended run began with. */
export function originalSpec<T extends Extensions>(spec: T): T {
  const { extended, ...rest } = spec;
  const [first] = extended ?? [];
  return first ? ({ ...rest, steps: first.was } as T) : spec;
}

/** Whether a version is, or once was, the run's last. */
export const isLastVersion = (version: number, { steps, extended = [] }: Extensions): boolean =>
  version === steps || extended.some(({ step, was }) => version === was && step >= was);

/** What is wrong with a list of extensions: each raises the number of steps, no later than at its old end. */
export function extensionProblem({ steps = 0, extended }: Extensions): string | undefined {
  // Of a spec that is wrong elsewhere, it may be anything.
  if (!Array.isArray(extended)) return undefined;
  for (const [n, { step, was }] of extended.entries()) {
    const next = extended[n + 1];
    if (step > was) return `found step ${step} after the last of ${was}; expected at most ${was}`;
    if (was >= (next?.was ?? steps)) return `found was: ${was}; expected less than ${next?.was ?? steps}`;
    if (next && next.step < step) return `found step ${next.step} after ${step}; expected them in order`;
  }
  return undefined;
}
