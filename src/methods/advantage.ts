import { z } from 'zod';

/** How a group's rewards become advantages. */
export const advantageScale = z
  .enum(['std', 'center'])
  .default('std')
  .describe('std divides by the standard deviation of the group (GRPO), center does not (Dr. GRPO).');

export type AdvantageScale = z.output<typeof advantageScale>;

/**
 * Group-relative advantages, `(r - mean) / (std + 1e-6)` with the sample standard deviation (n - 1). All 0 in a group
 * of one or of equal rewards.
 *
 * @param rewards one per completion; finite.
 * @see arXiv 2402.03300 (GRPO), 2503.20783 (`center`)
 */
export function groupAdvantages(rewards: readonly number[], scale: AdvantageScale = 'std'): number[] {
  if (!hasAdvantage(rewards)) return rewards.map(() => 0);
  const n = rewards.length;
  const mean = rewards.reduce((sum, r) => sum + r, 0) / n;
  const variance = rewards.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (n - 1);
  const divisor = scale === 'std' ? Math.sqrt(variance) + 1e-6 : 1;
  return rewards.map((r) => (r - mean) / divisor);
}

/** Whether the rewards of a group differ. */
export function hasAdvantage(rewards: readonly number[]): boolean {
  return rewards.some((r) => r !== rewards[0]);
}
