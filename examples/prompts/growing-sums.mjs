/**
 * A curriculum: sums of two numbers first, one more every hundred prompts, up to six. The same request always gives the
 * same prompt.
 * @type {import('rlsd-streams').Generate}
 */
export default ({ seed, index, heldOut }) => {
  const length = heldOut ? 2 + (index % 5) : Math.min(6, 2 + Math.floor(index / 100));
  const draw = random(`${seed}/${heldOut}/${index}`);
  const digits = Array.from({ length }, () => Math.floor(draw() * 10));
  return {
    question: `State the final answer to the following arithmetic problem: ${digits.join(' + ')} =`,
    answer: digits.reduce((sum, digit) => sum + digit, 0),
  };
};

/** Numbers from 0 to 1 that follow from a text (FNV-1a, then mulberry32). */
function random(text) {
  let state = 0x811c9dc5;
  for (const character of text) state = Math.imul(state ^ character.codePointAt(0), 0x01000193);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
