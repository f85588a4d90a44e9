import { UserError } from '../support/errors.js';
import type { Loss } from './loss.js';
import { evaluateLoss, type LossToken } from './numbers.js';

const CANDIDATES = 4;
const POINTS = 24;
const STEP = 1e-5;

/** Uniform numbers in [0, 1), the same ones each time (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A token as it may occur: a student near its sampling and reference policies, and a teacher of its own mind. */
function randomToken(next: () => number): LossToken {
  const distribution = (): number[] => {
    const masses = Array.from({ length: CANDIDATES + 1 }, () => next() + 0.05);
    const total = masses.reduce((sum, mass) => sum + mass, 0);
    return masses.map((mass) => Math.log(mass / total));
  };
  const logprob = -3 * next() - 0.01;
  const [student, teacher] = [distribution(), distribution()];
  return {
    logprob,
    samplingLogprob: logprob + next() - 0.5,
    referenceLogprob: logprob + next() - 0.5,
    advantage: 4 * next() - 2,
    topLogprobs: student.slice(0, CANDIDATES),
    targetTopLogprobs: teacher.slice(0, CANDIDATES),
    targetTailLogprob: Math.log(1 - teacher.slice(0, CANDIDATES).reduce((sum, value) => sum + Math.exp(value), 0)),
  };
}

/**
 * Compares a loss's gradient with finite differences of its value at a few points, and `needsAdvantage` with the
 * gradient at advantage 0. Run on every loss that a user brings.
 * @throws {UserError} `bad-loss` naming the loss, what was found and what was expected
 */
export function checkLoss(loss: Loss): void {
  const next = uniform(1);
  for (let point = 0; point < POINTS; point++) {
    const token = randomToken(next);
    checkGradient(loss, token);
    if (!loss.needsAdvantage) continue;
    const { gradient, topGradient } = evaluateLoss(loss, { ...token, advantage: 0 });
    const found = [gradient, ...topGradient].find((value) => value !== 0);
    if (found !== undefined)
      throw bad(
        loss,
        `needsAdvantage is true, but at advantage 0 the gradient is ${found}; expected 0, or needsAdvantage: false`,
      );
  }
}

function checkGradient(loss: Loss, token: LossToken): void {
  const { gradient, topGradient } = evaluateLoss(loss, token);
  compare(loss, 'gradient.logprobs', gradient, (step) => ({ ...token, logprob: token.logprob + step }));
  const { topLogprobs } = token;
  if (topLogprobs === undefined) return;
  for (const [i, found] of topGradient.entries())
    compare(loss, 'gradient.topLogprobs', found, (step) => ({
      ...token,
      topLogprobs: topLogprobs.map((value, j) => (j === i ? value + step : value)),
    }));
}

function compare(loss: Loss, what: string, found: number, moved: (step: number) => LossToken): void {
  const valueAt = (step: number): number => evaluateLoss(loss, moved(step)).value;
  const expected = (valueAt(STEP) - valueAt(-STEP)) / (2 * STEP);
  if (Math.abs(found - expected) <= 1e-4 * Math.max(1, Math.abs(expected))) return;
  throw bad(loss, `${what} is ${found} where the value's finite difference is ${expected}; make the two agree`);
}

const bad = (loss: Loss, what: string): UserError => new UserError('bad-loss', `loss ${loss.name}: ${what}`);
