import { z } from 'zod';
import type { JudgedSample } from '../method.js';

/** What becomes of completions that the token limit cut off. */
export const overlong = z
  .enum(['train', 'mask'])
  .default('train')
  .describe(
    'What becomes of completions that the token limit cut off: trained on like the others, or masked. Their ' +
      'rewards count in the group either way.',
  );

/** The tokens that a method trains on. @see arXiv 2503.14476 (DAPO, overlong filtering) */
export function trainedMask(
  { mask, truncated }: JudgedSample,
  overlongSamples: z.output<typeof overlong>,
): ArrayLike<number> {
  return truncated && overlongSamples === 'mask' ? new Uint8Array(mask.length) : mask;
}
