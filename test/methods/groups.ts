import fc from 'fast-check';
import type { JudgedGroup, JudgedSample } from '../../src/methods/method.js';

/** A judged sample, `p/0` unless `rest` says otherwise. */
export const judged = (
  reward: number,
  studentLogprobs: readonly number[],
  teacherLogprobs: readonly number[] | null,
  rest: Partial<JudgedSample> = {},
): JudgedSample => ({
  id: 'p/0',
  reward,
  completionTokens: Int32Array.from(studentLogprobs, (_, t) => t),
  truncated: false,
  studentLogprobs,
  teacherLogprobs,
  contrastLogprobs: null,
  teacherTop: null,
  mask: studentLogprobs.map(() => 1),
  ...rest,
});

export const groupOf = (...samples: readonly JudgedSample[]): JudgedGroup => ({
  samples: samples.map((sample, i) => ({ ...sample, id: `p/${i}` })),
});

const logprob = fc.double({ min: -20, max: 0, noNaN: true });
const completion = fc.tuple(
  fc.constantFrom(0, 1),
  fc.array(fc.tuple(logprob, logprob, fc.constantFrom(0, 1)), { minLength: 1, maxLength: 8 }),
);

/** Groups of 1 to 8 completions with student and teacher scores, some tokens masked. */
export const groups: fc.Arbitrary<JudgedGroup> = fc
  .array(completion, { minLength: 1, maxLength: 8 })
  .map((completions) =>
    groupOf(
      ...completions.map(([reward, tokens]) =>
        judged(
          reward,
          tokens.map(([student]) => student),
          tokens.map(([, teacher]) => teacher),
          { mask: tokens.map(([, , mask]) => mask) },
        ),
      ),
    ),
  );

/** The i-th of the values, which has to be there. */
export function nth<T>(values: ArrayLike<T>, i: number): T {
  const value = values[i];
  if (value === undefined) throw new Error(`expected at least ${i + 1} values, found ${values.length}`);
  return value;
}
