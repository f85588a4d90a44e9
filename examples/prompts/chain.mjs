// Sums of eight digits modulo 10, worked in seven steps. Each step has words that do not matter and one digit that does,
// so a wrong answer has one cause among some forty tokens, and the verifier sees the last digit only.
import { generator } from '../bases/draws.mjs';

const TERMS = 8;
const LABELS = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
/** Words of which a step takes any three. */
export const FILLERS = ['so', 'now', 'then', 'well', 'next', 'thus', 'okay', 'right'];

/** @type {import('rlsd-streams').Generate} */
export const chain = generator('chain', (draw) => {
  const digits = Array.from({ length: TERMS }, () => draw.pick([0, 1, 2, 3, 4]));
  const steps = [];
  for (const digit of digits.slice(1)) steps.push(((steps.at(-1) ?? digits[0]) + digit) % 10);
  return {
    question: `chain ${digits.join(' ')}`,
    answer: String(steps.at(-1)),
    trace: steps.join(' '),
    // Adding 0 is never wrong: what makes a chain hard is how many of its steps change the value.
    level: digits.slice(1).filter((digit) => digit > 0).length,
    digits,
    steps,
  };
});

/** A worked chain, such as `so now well a 5 then …  answer 7`. */
export function worked(digits, next, filler) {
  let value = digits[0];
  const steps = digits.slice(1).map((digit, i) => {
    value = next(value, digit);
    return `${filler()} ${filler()} ${filler()} ${LABELS[i]} ${value}`;
  });
  return `${steps.join(' ')} answer ${value}`;
}

/**
 * Whether each word of a worked chain is a right digit; undefined where it is none. A digit is right if it follows from
 * the one before.
 */
export function rightDigits(question, words) {
  const [first, ...terms] = question
    .match(/chain ([\d ]+)/)[1]
    .trim()
    .split(' ')
    .map(Number);
  let before = first;
  let step = 0;
  return words.map((word, t) => {
    if (!/^\d$/.test(word)) return undefined;
    const term = words[t - 1] === 'answer' ? 0 : terms[step++];
    const right = (before + (term ?? Number.NaN)) % 10 === Number(word);
    before = Number(word);
    return right;
  });
}

/**
 * Where a wrong chain has its first wrong digit, which `rlsd compare` and `rlsd show` compare with the blame.
 * @type {import('rlsd-streams/sources').FirstError}
 */
export function firstError({ question, completion }) {
  const words = [...completion.matchAll(/\S+/g)];
  const right = rightDigits(
    question,
    words.map(([word]) => word),
  );
  return words[right.indexOf(false)]?.index ?? null;
}

export default chain;
