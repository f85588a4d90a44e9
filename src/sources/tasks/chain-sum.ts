import { seedOf } from '../../support/digest.js';
import { at, required } from '../../support/required.js';
import type { WrongCompletion } from './first-error.js';

/** One signed digit of a sum. The first sign is always `+` and is not written. */
export interface Term {
  readonly sign: '+' | '-';
  /** 0 to 9. */
  readonly digit: number;
}

export interface ChainSum {
  readonly itemId: string;
  readonly question: string;
  /** An integer from -45 to 54. */
  readonly answer: string;
  /** The worked solution, one term at a time, which a privileged teacher is shown. */
  readonly trace: string;
  readonly terms: readonly Term[];
  /** Terms after the first, which is how many steps the solution takes: 2 to 5. */
  readonly level: number;
}

export interface ChainSumRequest {
  readonly seed: number | bigint;
  /** Position in the stream, from 0. */
  readonly index: number;
  /** Whether to draw held-out questions, which training never sees. */
  readonly heldOut: boolean;
}

/** One in this many questions is held out. */
const HELD_OUT_MODULUS = 8n;
const PREFIX = 'State the final answer to the following arithmetic problem: ';

/**
 * Whether a question is held out. Depends only on its text, so no seed can put a held-out question into training: the
 * training stream draws again until this is false, the held-out stream until it is true.
 */
export function isHeldOut(question: string): boolean {
  return seedOf('chain-sum', 'held-out', question) % HELD_OUT_MODULUS === 0n;
}

/**
 * Item `index` of a stream of sums of 3 to 6 one-digit terms, with uniform length, digits and signs. Deterministic and
 * independent of other items; questions may repeat within a stream, as in any random sample.
 * @example
 * chainSum({ seed: 7, index: 0, heldOut: false }).question;
 * // 'State the final answer to the following arithmetic problem: 4 + 3 - 9 ='
 */
export function chainSum({ seed, index, heldOut }: ChainSumRequest): ChainSum {
  // Drawn once, outside the search, so that training and held-out questions have the same distribution of lengths.
  const length = 3 + Number(seedOf(seed, 'chain-sum', index, 'length') % 4n);
  for (let attempt = 0; ; attempt++) {
    const terms = termsOf(seedOf(seed, 'chain-sum', index, attempt), length);
    const question = `${PREFIX}${written(terms)} =`;
    if (isHeldOut(question) !== heldOut) continue;
    const answer = String(terms.reduce((value, term) => applied(value, term), 0));
    const itemId = `chain-sum-${seed}-${heldOut ? 'held-out' : 'train'}-${index}`;
    return { itemId, question, answer, trace: workedTrace(terms), terms, level: length - 1 };
  }
}

/** The value after adding a term. */
export function applied(value: number, { sign, digit }: Term): number {
  return sign === '+' ? value + digit : value - digit;
}

/**
 * The worked solution of a sum, one step per term.
 * @param next computes the value after a term; later steps continue from a wrong value
 * @example
 * workedTrace(terms); // '4 + 3 = 7 ; 7 - 9 = -2 ; the answer is -2'
 */
export function workedTrace(terms: readonly Term[], next: (value: number, term: Term) => number = applied): string {
  const rest = terms.slice(1);
  let value = at(terms, 0).digit;
  const steps = rest.map((term) => {
    const before = value;
    value = next(before, term);
    return `${before} ${term.sign} ${term.digit} = ${value} ; `;
  });
  return `${steps.join('')}the answer is ${value}`;
}

const STEP = /(?<before>-?\d+) (?<sign>[+-]) (?<digit>\d+) = (?<value>-?\d+)/dg;
const ANSWER = /answer is (?<value>-?\d+)/d;

/**
 * Where a worked solution has its first wrong number: one that does not follow from the term and the value before it.
 * null where the completion is not worked as `workedTrace` does.
 */
export function firstWrongNumber({ question, completion }: WrongCompletion): number | null {
  const [first, ...rest] = termsIn(question);
  if (!first) return null;
  let value = first.digit;
  for (const [i, step] of [...completion.matchAll(STEP)].entries()) {
    const term = rest[i];
    const { before, sign, digit, value: found } = required(step.groups, 'groups of a step');
    const { before: start, value: end } = required(step.indices?.groups, 'indices of a step');
    if (Number(before) !== value) return at(required(start, 'index of a value'), 0);
    if (!term || sign !== term.sign || Number(digit) !== term.digit) return null;
    if (Number(found) !== applied(value, term)) return at(required(end, 'index of a value'), 0);
    value = Number(found);
  }
  const answer = ANSWER.exec(completion);
  const [start] = answer?.indices?.groups?.value ?? [];
  return start !== undefined && Number(answer?.groups?.value) !== value ? start : null;
}

function termsIn(question: string): Term[] {
  const sum = question.slice(PREFIX.length).matchAll(/(?<sign>[+-])? ?(?<digit>\d)/g);
  return Array.from(sum, ({ groups }) => ({
    sign: groups?.sign === '-' ? '-' : '+',
    digit: Number(groups?.digit),
  }));
}

/** Reads digits and signs from a 63-bit draw. Six terms use 27 bits, so all are equally likely to within 2^-36. */
function termsOf(draw: bigint, length: number): Term[] {
  let rest = draw;
  const below = (n: bigint): number => {
    const value = Number(rest % n);
    rest /= n;
    return value;
  };
  return Array.from({ length }, (_, i) => ({ sign: i === 0 || below(2n) === 0 ? '+' : '-', digit: below(10n) }));
}

function written(terms: readonly Term[]): string {
  return terms.map(({ sign, digit }, i) => (i === 0 ? `${digit}` : `${sign} ${digit}`)).join(' ');
}
