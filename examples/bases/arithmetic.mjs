// Chain sums, and how a pupil who is weak at subtraction works them: alone, and with the solution in sight.
import { generators } from 'rlsd-streams/sources';
import { draws } from './draws.mjs';

/** How often the pupil makes a mistake at a step that invites one. */
const SLIP = 0.6;
/**
 * How often it departs from the solution at a step, to continue from its own value. Without such examples, a model that
 * reads a solution would score every step after a wrong one as wrong too, and its scores would not locate the mistake.
 */
const LEAVE = 0.1;

/** @type {import('rlsd-streams').Generate} */
export default ({ seed, index, heldOut }) => {
  const prompt = generators['chain-sum'].generate({ seed, index, heldOut });
  const identity = [seed, 'demonstration', index];
  return { ...prompt, alone: alone(prompt, draws(...identity)), guided: guided(prompt, draws(...identity)) };
};

/** Worked alone. */
const alone = (prompt, draw) => worked(prompt, (value, term) => attempted(value, term, draw));

/** Worked with the solution in sight. */
function guided(prompt, draw) {
  let left = false;
  return worked(prompt, (value, term) => {
    if (left) return attempted(value, term, draw);
    left = draw.chance(LEAVE);
    return left ? astray(value, term, draw) : applied(value, term);
  });
}

/** A sum worked step by step: `4 + 3 = 7 ; 7 - 9 = -2 ; the answer is -2`. */
function worked({ question }, next) {
  const [first, ...rest] = question.match(/[+-]? ?\d(?= )/g);
  let value = Number(first);
  const steps = rest.map((written) => {
    const term = { sign: written[0], digit: Number(written.at(-1)) };
    const before = value;
    value = next(before, term);
    return `${before} ${written} = ${value} ; `;
  });
  return `${steps.join('')}the answer is ${value}`;
}

const applied = (value, { sign, digit }) => (sign === '+' ? value + digit : value - digit);

const attempted = (value, term, draw) => {
  const wrong = slipped(value, term);
  return wrong !== undefined && draw.chance(SLIP) ? wrong : applied(value, term);
};

/** The wrong value that a step invites: without the sign below zero (3 - 7 = 4), without the borrow (12 - 5 = 17). */
function slipped(value, { sign, digit }) {
  if (sign === '+' || value < 0 || value % 10 >= digit) return undefined;
  const right = value - digit;
  return right < 0 ? -right : right + 10;
}

/** A wrong value: the one that the step invites, or a near miss. */
function astray(value, term, draw) {
  const wrong = slipped(value, term);
  return wrong !== undefined && draw.chance(0.5) ? wrong : applied(value, term) + draw.pick([-10, -2, -1, 1, 2, 10]);
}
