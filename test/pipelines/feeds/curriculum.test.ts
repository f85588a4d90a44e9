import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openCurriculum } from '../../../src/pipelines/feeds/curriculum.js';

const judged = (accuracy: number, itemId = 'a') => ({ itemId, sequence: 0n, rewards: [accuracy], accuracy });
const settings = { easy: 0.9, hard: 0.1, share: 0.25 };
const turns = Array.from({ length: 2000 }, (_, n) => String(n));

describe('a curriculum', () => {
  it('asks every item that it knows nothing of', () => {
    const { accepts } = openCurriculum(settings, 1);
    expect(turns.every((turn) => accepts(turn, '0'))).toBe(true);
  });

  it.each([0, 0.1, 0.9, 1])('asks an item of accuracy %f in its share of turns', (accuracy) => {
    const { accepts, learn } = openCurriculum(settings, 1);
    learn(judged(accuracy));
    const asked = turns.filter((turn) => accepts('a', turn)).length;
    expect(asked / turns.length).toBeGreaterThan(0.2);
    expect(asked / turns.length).toBeLessThan(0.3);
  });

  it('asks what is neither easy nor hard in every turn', () => {
    const { accepts, learn } = openCurriculum(settings, 1);
    learn(judged(0.11));
    learn(judged(0.89, 'b'));
    expect(turns.every((turn) => accepts('a', turn) && accepts('b', turn))).toBe(true);
  });

  it('weighs the newest group by one half', () => {
    const { accepts, learn } = openCurriculum({ easy: 0.75, hard: 0, share: 0.001 }, 1);
    const isEasy = () => !turns.slice(0, 50).every((turn) => accepts('a', turn));
    learn(judged(1));
    expect(isEasy()).toBe(true);
    learn(judged(0.4));
    expect(isEasy()).toBe(false);
    learn(judged(1));
    expect(isEasy()).toBe(true);
  });

  it('decides alike in every run of a seed', () => {
    fc.assert(
      fc.property(fc.nat(), fc.string(), fc.string(), (seed, item, turn) => {
        const [one, two] = [openCurriculum(settings, seed), openCurriculum(settings, seed)];
        for (const { learn } of [one, two]) learn(judged(1, item));
        expect(one.accepts(item, turn)).toBe(two.accepts(item, turn));
      }),
    );
  });
});
