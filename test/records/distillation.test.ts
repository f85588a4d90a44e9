import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { distillationProblem, distillationRecord, distillationTargets } from '../../src/records/distillation.js';

const targets = fc.tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 0, max: 5 })).chain(([k, tokens]) =>
  fc.record({
    k: fc.constant(k),
    topIds: fc.int32Array({ minLength: k * tokens, maxLength: k * tokens }),
    topLogprobs: fc.float32Array({ minLength: k * tokens, maxLength: k * tokens, max: 0, noNaN: true }),
    tailLogprobs: fc.float32Array({ minLength: tokens, maxLength: tokens, max: 0, noNaN: true }),
  }),
);

describe('distillation targets', () => {
  it('round-trip through a record, and are well-formed', () => {
    fc.assert(
      fc.property(targets, (value) => {
        expect(distillationTargets(distillationRecord(value))).toEqual(value);
        expect(distillationProblem(value, value.tailLogprobs.length)).toBeUndefined();
      }),
    );
  });

  it('have the wrong length for any other number of tokens', () => {
    fc.assert(
      fc.property(targets, fc.integer({ min: 0, max: 9 }), (value, tokens) => {
        fc.pre(tokens !== value.tailLogprobs.length);
        expect(distillationProblem(value, tokens)).toMatch(/^topIds: found \d+ values, expected \d+$/);
      }),
    );
  });
});
