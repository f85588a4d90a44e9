import { z } from 'zod';
import type { Expressions } from './expressions.js';
import { defineLoss } from './loss.js';

/** Smallest probability of the student's tail: 1 minus a sum of float32 is no more exact than that. */
const MIN_TAIL = 1e-6;
/**
 * A teacher's log-probability below this has probability 0 in float32; -infinity becomes it, so that 0 times it is 0.
 */
const MIN_LOGPROB = -100;

const divergences = ['forwardKl', 'reverseKl', 'jensenShannon'] as const;
export type DivergenceName = (typeof divergences)[number];

/** The settings of the divergence, with a default of the caller's. */
export const divergenceSettings = (divergence: DivergenceName) => ({
  divergence: z
    .enum(divergences)
    .default(divergence)
    .describe('Divergence between teacher and student: KL(teacher || student), KL(student || teacher), or between.'),
  beta: z
    .number()
    .gt(0)
    .lt(1)
    .default(0.5)
    .describe('Weight of the teacher in the mixture of `jensenShannon`; 0.5 is symmetric.'),
  pointClip: z
    .number()
    .positive()
    .exactOptional()
    .describe(
      'Most that one token id adds to the divergence of a position, in nats; beyond it its gradient is 0, so that ' +
        'a few words of style cannot outweigh the rest.',
    ),
});

const settings = z.strictObject(divergenceSettings('forwardKl'));

interface Bucket<V> {
  readonly value: V;
  readonly gradient: V;
}

/** One bucket's contribution to the divergence and its derivative by the student's log-probability. */
function bucket<V>(e: Expressions<V>, teacher: V, student: V, options: z.output<typeof settings>): Bucket<V> {
  const { value, gradient } = unclippedBucket(e, teacher, student, options);
  if (options.pointClip === undefined) return { value, gradient };
  const limit = e.constant(options.pointClip);
  return { value: e.min(value, limit), gradient: e.where(e.lessOrEqual(value, limit), gradient, e.constant(0)) };
}

function unclippedBucket<V>(
  e: Expressions<V>,
  teacher: V,
  student: V,
  { divergence, beta }: z.output<typeof settings>,
): Bucket<V> {
  const p = e.exp(teacher);
  const q = e.exp(student);
  if (divergence === 'forwardKl') return { value: e.mul(p, e.sub(teacher, student)), gradient: e.neg(p) };
  if (divergence === 'reverseKl') {
    const difference = e.sub(student, teacher);
    return { value: e.mul(q, difference), gradient: e.mul(q, e.add(difference, e.constant(1))) };
  }
  const mixture = e.log(e.add(e.mul(p, e.constant(beta)), e.mul(q, e.constant(1 - beta))));
  const ofTeacher = e.mul(e.mul(p, e.sub(teacher, mixture)), e.constant(beta));
  const ofStudent = e.mul(e.mul(q, e.sub(student, mixture)), e.constant(1 - beta));
  // The terms through the mixture cancel: d/dq of the whole is (1 - beta) * log(q / m).
  return { value: e.add(ofTeacher, ofStudent), gradient: ofStudent };
}

/**
 * Divergence between the teacher's and the student's next-token distributions over the teacher's top k tokens, all
 * others as one bucket (OPSD, arXiv 2601.18734, with top-k). In nats per token; 0 where both agree. Targets whose tail
 * is -infinity have no such bucket.
 */
export const distillation = defineLoss({
  name: 'distillation',
  summary: "Divergence from the teacher's distribution over its top k tokens and the tail.",
  settings,
  needsAdvantage: false,
  build(e, at, options) {
    const [floor, zero] = [e.constant(MIN_LOGPROB), e.constant(0)];
    const student = at.topLogprobs;
    const top = bucket(e, e.max(at.targetTopLogprobs, floor), student, options);
    const probabilities = e.exp(student);
    const rest = e.sub(e.constant(1), e.sumLast(probabilities));
    const tailMass = e.max(rest, e.constant(MIN_TAIL));
    const rawTail = bucket(e, e.max(at.targetTailLogprobs, floor), e.log(tailMass), options);
    // Targets without a tail are the whole distribution; what rounding leaves of the student's is none either.
    const hasNoTail = e.lessOrEqual(at.targetTailLogprobs, floor);
    const tail = {
      value: e.where(hasNoTail, zero, rawTail.value),
      gradient: e.where(hasNoTail, zero, rawTail.gradient),
    };
    // d log(tail) / d logprob = -probability / tail, and 0 at the floor.
    const perProbability = e.where(e.lessOrEqual(rest, e.constant(MIN_TAIL)), zero, e.div(tail.gradient, tailMass));
    const divergence = e.add(e.sumLast(top.value), tail.value);
    return {
      value: divergence,
      gradient: { topLogprobs: e.sub(top.gradient, e.mul(probabilities, e.expandLast(perProbability))) },
      metrics: { distillation: divergence },
    };
  },
});
