// Seeded draws. A draw can be recorded on a tape, so that a variant of what was made differs in one decision.

/** A stream of numbers from 0 to 1 (mulberry32). */
function stream(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** @param next a function that returns numbers from 0 to 1 */
export function drawsFrom(next) {
  const int = (from, to) => from + Math.floor(next() * (to - from + 1));
  const pick = (list) => list[int(0, list.length - 1)];
  return {
    next,
    int,
    pick,
    chance: (share) => next() < share,
    /** Runs one of several functions. */
    oneOf: (...makers) => pick(makers)(),
    list: (from, to, make) => Array.from({ length: int(from, to) }, (_, i) => make(i)),
    shuffled(list) {
      const copy = [...list];
      for (let i = copy.length - 1; i > 0; i--) {
        const j = int(0, i);
        [copy[i], copy[j]] = [copy[j], copy[i]];
      }
      return copy;
    },
    some: (list, share) => list.filter(() => next() < share),
  };
}

export const seeded = (seed) => drawsFrom(stream(seed));

/** Draws that always take the first of everything. */
export const plain = drawsFrom(() => 0);

/**
 * Makes something twice: as drawn, and with one decision drawn differently. What follows that decision stays as it was
 * as far as possible.
 */
export function variants(random, make) {
  const tape = [];
  const recorded = drawsFrom(() => tape[tape.push(random.next()) - 1]);
  const first = make(recorded);
  const changed = random.int(0, Math.max(0, tape.length - 1));
  let at = 0;
  const replayed = drawsFrom(() => {
    const i = at++;
    return i === changed || i >= tape.length ? random.next() : tape[i];
  });
  return [first, make(replayed)];
}
