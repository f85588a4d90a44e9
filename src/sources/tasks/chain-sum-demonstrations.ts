import { seedOf } from '../../support/digest.js';
import { at } from '../../support/required.js';
import { applied, chainSum, type Term, workedTrace } from './chain-sum.js';

/**
 * The teacher's prompt of the example, worded as in the base model's training. A pipeline with that model must use it
 * as its teacher template.
 */
export const CHAIN_SUM_TEACHER_TEMPLATE = 'Worked before: {{ trace }}\n{{ question }}';

export interface Demonstration {
  /** The question, with a worked solution before it where hinted. */
  readonly prompt: string;
  readonly completion: string;
}

/** Skill of the demonstrator. */
export interface Demonstrator {
  /** Probability of a mistake at each step that invites one. */
  readonly slip: number;
  /** Probability, at each step, of departing from the worked solution. */
  readonly leave: number;
}

/**
 * Demonstrates a sum as a pupil who is weak at subtraction: with probability `slip` it loses the sign below zero (3 - 7
 * = 4) and forgets the borrow across a ten (12 - 5 = 17). A model that imitates it makes these mistakes by habit, but
 * keeps some probability on the right step, which a reward on the final answer can find and reinforce.
 *
 * When `hinted`, it follows the worked solution, but departs from it at each step with probability `leave`, and then
 * continues from its own value. Without such examples, a model that reads a solution would score every step after a
 * wrong one as wrong too, and its scores would not locate the mistake.
 *
 * Never uses held-out questions.
 */
export function chainSumDemonstration(
  request: { readonly seed: number | bigint; readonly index: number; readonly hinted: boolean },
  { slip, leave }: Demonstrator,
): Demonstration {
  const { seed, index, hinted } = request;
  const { question, terms, trace } = chainSum({ seed, index, heldOut: false });
  let draws = 0;
  const uniform = (): number => Number(seedOf(seed, 'demonstration', index, draws++) >> 10n) / 2 ** 53;
  const alone = (value: number, term: Term): number => {
    const wrong = slipped(value, term);
    return wrong !== undefined && uniform() < slip ? wrong : applied(value, term);
  };
  if (!hinted) return { prompt: question, completion: workedTrace(terms, alone) };
  let left = false;
  const guided = (value: number, term: Term): number => {
    if (left) return alone(value, term);
    left = uniform() < leave;
    return left ? astray(value, term, uniform) : applied(value, term);
  };
  const prompt = CHAIN_SUM_TEACHER_TEMPLATE.replace('{{ trace }}', trace).replace('{{ question }}', question);
  return { prompt, completion: workedTrace(terms, guided) };
}

/** The wrong value that a step invites; undefined where it invites none. */
function slipped(value: number, term: Term): number | undefined {
  if (term.sign === '+' || value < 0 || value % 10 >= term.digit) return undefined;
  const right = value - term.digit;
  return right < 0 ? -right : right + 10;
}

const NEAR_MISSES = [-10, -2, -1, 1, 2, 10];

/** A wrong value: the one that the step invites, or a near miss. */
function astray(value: number, term: Term, uniform: () => number): number {
  const wrong = slipped(value, term);
  if (wrong !== undefined && uniform() < 0.5) return wrong;
  return applied(value, term) + at(NEAR_MISSES, Math.floor(uniform() * NEAR_MISSES.length));
}
