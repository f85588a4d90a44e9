import { describe, expect, it } from 'vitest';
import { scheduleAt } from '../../../src/methods/parts/schedule.js';

describe('scheduleAt', () => {
  const schedule = { from: 0.5, to: 0, over: 50 };
  it.each([
    [0, 0.5],
    [25, 0.25],
    [50, 0],
    [51, 0],
  ])('at step %i is %f', (step, value) => expect(scheduleAt(schedule, step)).toBe(value));

  it('is a number at every step when given as one', () => expect(scheduleAt(0.3, 1000)).toBe(0.3));
});
