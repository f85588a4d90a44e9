// Chains of digits, and how a pupil with some wrong facts works them: alone, and with a hint in sight.
import { chain, FILLERS, worked } from '../prompts/chain.mjs';
import { draws } from './draws.mjs';

/** Share of the additions that the pupil has wrong, always in the same way. */
const WRONG_FACTS = 0.3;
/** How often the pupil gets a wrong fact right all the same, which is what a reward can reinforce. */
const LUCK = 0.35;
/**
 * How often it departs from the hint at a step, to go on from its own values. A teacher that had never seen this would
 * blame every digit after a wrong one; this one is surprised by the first, and then agrees with what follows from it.
 */
const LEAVE = 0.1;

/** @type {import('rlsd-streams').Generate} */
export default ({ seed, index, heldOut }) => {
  const prompt = chain({ seed, index, heldOut });
  const draw = draws(seed, 'demonstration', index);
  const alone = worked(
    prompt.digits,
    (value, digit) => believed(value, digit, draw),
    () => draw.pick(FILLERS),
  );
  // Hints of the demonstrations are arbitrary digits: the model learns to follow a hint, and nothing about sums.
  const hint = heldOut ? prompt.steps : prompt.steps.map(() => draw.pick([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
  let step = 0;
  let hasLeft = false;
  const followed = (value, digit) => {
    const hinted = hint[step++];
    hasLeft ||= draw.chance(LEAVE);
    return hasLeft ? believed(value, digit, draw) : hinted;
  };
  const guided = worked(prompt.digits, followed, () => draw.pick(FILLERS));
  return { ...prompt, trace: hint.join(' '), alone, guided };
};

/** The sum of two digits modulo 10, as the pupil believes it. */
function believed(value, digit, draw) {
  const right = (value + digit) % 10;
  const fact = draws('fact', value, digit);
  return digit > 0 && fact.chance(WRONG_FACTS) && !draw.chance(LUCK) ? (right + fact.pick([1, 2, 8, 9])) % 10 : right;
}
