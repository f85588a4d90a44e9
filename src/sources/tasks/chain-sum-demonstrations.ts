import { seedOf } from '../../support/digest.js';
import { applied, chainSum, type Term, workedTrace } from './chain-sum.js';

/**
 * The teacher's prompt of the example, in the words that the base model was taught to read. A pipeline over that model has to use it
 * as its teacher template.
 */
export const CHAIN_SUM_TEACHER_TEMPLATE = 'Worked before: {{ trace }}\n{{ question }}';

export interface Demonstration {
  /** What the user says: the question, or the question after a worked solution. */
  readonly prompt: string;
  readonly completion: string;
}

/** How good the demonstrator is. */
export interface Demonstrator {
  /** Probability of a slip at each step that invites one. */
  readonly slip: number;
  /** Probability, at each step, of leaving the worked solution that it was shown. */
  readonly leave: number;
}

/**
 * A pupil who is weak at taking away. Below zero it loses the sign (3 - 7 = 4), and across a ten it forgets the borrow
 * (12 - 5 = 17), in both cases with probability `slip`; everything else it gets right. So the model that imitates it is wrong by
 * habit, but keeps some probability on the right step: what a reward on the final answer alone can find and strengthen.
 *
 * With a worked solution before it (`hinted`), it follows that solution and is right. At each step it leaves it with probability
 * `leave`, and from then on goes on from its own value by its own lights. Without such examples a model that reads a solution calls
 * every step after a wrong one wrong as well, and its scores say nothing about where the mistake was.
 *
 * Its questions are never held-out ones.
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

/** The wrong value that this step invites, if it invites one. */
function slipped(value: number, term: Term): number | undefined {
  if (term.sign === '+' || value < 0 || value % 10 >= term.digit) return undefined;
  const right = value - term.digit;
  return right < 0 ? -right : right + 10;
}

const NEAR_MISSES = [-10, -2, -1, 1, 2, 10];

/** A wrong value: the slip that the step invites, or a near miss. */
function astray(value: number, term: Term, uniform: () => number): number {
  const wrong = slipped(value, term);
  if (wrong !== undefined && uniform() < 0.5) return wrong;
  return applied(value, term) + (NEAR_MISSES[Math.floor(uniform() * NEAR_MISSES.length)] ?? 1);
}
