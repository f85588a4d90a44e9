import { z } from 'zod';

/** How a group's rewards become advantages. */
export const advantageScale = z
  .enum(['std', 'center', 'leaveOneOut'])
  .default('std')
  .describe(
    'std: reward minus the mean of the group, divided by its standard deviation (GRPO). center: not divided (Dr. ' +
      'GRPO). leaveOneOut: reward minus the mean of the others (RLOO).',
  );

export type AdvantageScale = z.output<typeof advantageScale>;

/**
 * Group-relative advantages, `(r - mean) / (std + 1e-6)` with the sample standard deviation (n - 1), `r - mean`, or
 * `r - mean of the others`. All 0 in a group of one or of equal rewards.
 *
 * @param rewards one per completion; finite.
 * @see arXiv 2402.03300 (GRPO), 2503.20783 (`center`), 2402.14740 (`leaveOneOut`)
 */
export function groupAdvantages(rewards: readonly number[], scale: AdvantageScale = 'std'): number[] {
  if (!hasAdvantage(rewards)) return rewards.map(() => 0);
  const n = rewards.length;
  const mean = rewards.reduce((sum, r) => sum + r, 0) / n;
  const variance = rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (n - 1);
  if (scale === 'std') return rewards.map((r) => (r - mean) / (Math.sqrt(variance) + 1e-6));
  // r - (n mean - r) / (n - 1) = (r - mean) n / (n - 1)
  const factor = scale === 'leaveOneOut' ? n / (n - 1) : 1;
  return rewards.map((r) => (r - mean) * factor);
}

/** Whether the rewards of a group differ. */
export function hasAdvantage(rewards: readonly number[]): boolean {
  return rewards.some((r) => r !== rewards[0]);
}
