import { z } from 'zod';

const share = z.number().min(0).max(1);

/** A share that may change linearly with the training step. */
export const shareSchedule = z
  .union([share, z.strictObject({ from: share, to: share, over: z.number().positive() })], {
    error: 'expected a number from 0 to 1, or { from, to, over } with both ends from 0 to 1 and over above 0',
  })
  .describe('A number from 0 to 1, or a straight line in training steps.');

/** A number, or a straight line in training steps from `from` at step 0 to `to` at step `over`, constant after. */
export type Schedule = number | { readonly from: number; readonly to: number; readonly over: number };

/** @param step training step, from 0 */
export function scheduleAt(schedule: Schedule, step: number): number {
  if (typeof schedule === 'number') return schedule;
  const { from, to, over } = schedule;
  return step >= over ? to : from + (to - from) * (step / over);
}
