import { seedOf } from '../../support/digest.js';

/** One signed digit of a sum; the first term's sign is always `+` and is not written. */
export interface Term {
  readonly sign: '+' | '-';
  /** 0 to 9. */
  readonly digit: number;
}

export interface ChainSum {
  readonly itemId: string;
  readonly question: string;
  /** A whole number from -45 to 54. */
  readonly answer: string;
  /** The sum worked one term at a time, ending in the answer; what a privileged teacher is shown. */
  readonly trace: string;
  readonly terms: readonly Term[];
}

export interface ChainSumRequest {
  readonly seed: number | bigint;
  /** Position in the stream, from 0. */
  readonly index: number;
  /** Which half of the questions to draw from: those that training never sees, or the others. */
  readonly heldOut: boolean;
}

/** One question in this many is held out. */
const HELD_OUT_MODULUS = 8n;
const PREFIX = 'State the final answer to the following arithmetic problem: ';

/**
 * Whether a question is kept from training. It depends on the question's text alone, so no seed and no stream can carry a question
 * across the line: the training stream draws again until this is false, the held-out stream until it is true.
 */
export function isHeldOut(question: string): boolean {
  return seedOf('chain-sum', 'held-out', question) % HELD_OUT_MODULUS === 0n;
}

/**
 * Item `index` of a stream of sums of 3 to 6 one-digit terms; length, digits and signs are uniform. The same request gives the
 * same item for ever, and it depends on no other item. Within a stream a question can come back, as in any random sample.
 * @example chainSum({ seed: 7, index: 0, heldOut: false }).question
 * // 'State the final answer to the following arithmetic problem: 4 + 3 - 9 ='
 */
export function chainSum({ seed, index, heldOut }: ChainSumRequest): ChainSum {
  // The length is drawn once, outside the search, so that both halves have every length equally often.
  const length = 3 + Number(seedOf(seed, 'chain-sum', index, 'length') % 4n);
  for (let attempt = 0; ; attempt++) {
    const terms = termsOf(seedOf(seed, 'chain-sum', index, attempt), length);
    const question = `${PREFIX}${written(terms)} =`;
    if (isHeldOut(question) !== heldOut) continue;
    const answer = String(terms.reduce((value, term) => applied(value, term), 0));
    const itemId = `chain-sum-${seed}-${heldOut ? 'held-out' : 'train'}-${index}`;
    return { itemId, question, answer, trace: workedTrace(terms), terms };
  }
}

/** `value` after the term, by arithmetic. */
export function applied(value: number, { sign, digit }: Term): number {
  return sign === '+' ? value + digit : value - digit;
}

/**
 * The working of a sum, one step a term, and the answer it comes to.
 * @param next the value after a term; wrong steps are carried on from
 * @example workedTrace(terms) // '4 + 3 = 7 ; 7 - 9 = -2 ; the answer is -2'
 */
export function workedTrace(terms: readonly Term[], next: (value: number, term: Term) => number = applied): string {
  const [first, ...rest] = terms;
  let value = first?.digit ?? 0;
  const steps = rest.map((term) => {
    const before = value;
    value = next(before, term);
    return `${before} ${term.sign} ${term.digit} = ${value} ; `;
  });
  return `${steps.join('')}the answer is ${value}`;
}

/** Digits and signs of a 63-bit draw, lowest first; six terms use 27 bits, so every value is as likely to within 2^-36. */
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
