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

export default chain;
