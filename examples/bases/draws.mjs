// Random draws that follow from a prompt's place, so that the same place always gives the same prompt.
import { seedOf } from 'rlsd-streams/sources';

/** One in this many questions is held out. */
const HELD_OUT = 8n;

/** Random draws that follow from an identity. */
export function draws(...identity) {
  let count = 0;
  const uniform = () => Number(seedOf(...identity, count++) >> 10n) / 2 ** 53;
  return {
    chance: (probability) => uniform() < probability,
    pick: (list) => list[Math.floor(uniform() * list.length)],
  };
}

/**
 * A generator of prompts. Whether a question is held out depends on its text alone.
 * @param make makes a prompt from draws
 * @returns {import('rlsd-streams').Generate}
 */
export const generator =
  (name, make) =>
  ({ seed, index, heldOut }) => {
    for (let attempt = 0; ; attempt++) {
      const prompt = make(draws(name, seed, index, attempt));
      const isHeldOut = seedOf(name, 'held-out', prompt.question) % HELD_OUT === 0n;
      if (isHeldOut === heldOut) return prompt;
    }
  };
