import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leakAlarms, minPrompts } from '../../../src/privileged/leaks/alarms.js';
import {
  type ByJudgement,
  eachMeter,
  type Judgement,
  mergeSpreads,
  noSpread,
  type Observation,
  observe,
  type Spread,
  spreadOf,
} from '../../../src/privileged/leaks/spread.js';

const steady = (mean: Partial<Observation>, prompts = 20, sd: Partial<Observation> = {}): Spread => ({
  prompts,
  mean: { repeated: 0.05, cited: 0, length: 20, ...mean },
  sd: { repeated: 0, cited: 0, length: 0, ...sd },
});
const both = (spread: Spread): ByJudgement<Spread> => ({ correct: spread, incorrect: spread });
const quiet = both(steady({}));

/** Seeded draws from 0 to 1 (mulberry32). */
function draws(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Simulates the spreads of one step: sixteen prompts of eight samples from a policy with these habits. */
function step(draw: () => number, correct: number, repeated: (judgement: Judgement) => number): ByJudgement<Spread> {
  const groups = Array.from({ length: 16 }, () => {
    // Prompts differ in difficulty, so samples of one prompt are correlated.
    const ease = Math.min(1, Math.max(0, correct + draw() - 0.5));
    return observe(
      Array.from({ length: 8 }, () => {
        const judgement: Judgement = draw() < ease ? 'correct' : 'incorrect';
        const length = 30 + Math.floor(draw() * 10);
        return { judgement, repeated: repeated(judgement), cited: draw() < 0.005 ? 1 : 0, length, longestRun: 0 };
      }),
    );
  });
  const of = (judgement: Judgement) => spreadOf(groups.flatMap((group) => group[judgement] ?? []));
  return { correct: of('correct'), incorrect: of('incorrect') };
}

describe('spreads', () => {
  it('of two sets of prompts merge into the spread of their union', () => {
    const observation = fc.record({
      repeated: fc.double({ min: 0, max: 1, noNaN: true }),
      cited: fc.double({ min: 0, max: 1, noNaN: true }),
      length: fc.double({ min: 0, max: 500, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(observation), fc.array(observation), (a, b) => {
        const merged = mergeSpreads(spreadOf(a), spreadOf(b));
        const whole = spreadOf([...a, ...b]);
        expect(merged.prompts).toBe(whole.prompts);
        eachMeter((name) => {
          expect(merged.mean[name]).toBeCloseTo(whole.mean[name], 8);
          expect(merged.sd[name]).toBeCloseTo(whole.sd[name], 5);
          return 0;
        });
      }),
    );
  });

  it('are taken over the means of a prompt by judgement', () => {
    const one = { repeated: 1, cited: 0, length: 4, longestRun: 4 };
    expect(
      observe([
        { ...one, judgement: 'correct' },
        { ...one, length: 6, judgement: 'correct' },
      ]),
    ).toEqual({ correct: { repeated: 1, cited: 0, length: 5 }, incorrect: undefined });
  });
});

describe('leak alarms', () => {
  it('stay off at the base rate, up to the margin, and with few prompts on either side', () => {
    expect(leakAlarms(quiet, quiet)).toEqual([]);
    expect(leakAlarms(both(steady({ repeated: 0.15 })), quiet)).toEqual([]);
    expect(leakAlarms(both(steady({ repeated: 1 }, minPrompts - 1)), quiet)).toEqual([]);
    expect(leakAlarms(both(steady({ repeated: 1 })), both(steady({}, minPrompts - 1)))).toEqual([]);
    expect(leakAlarms(both(steady({ repeated: 1 })), noSpread)).toEqual([]);
  });

  it.each([
    [{ repeated: 0.16 }, /repeat privileged text: 16\.0 % of the words of correct answers, 5\.0 % at the start/],
    [{ cited: 0.03 }, /cite material that they were not shown: 3\.0 % of correct answers/],
    [{ length: 31 }, /drift in length: 31\.0 words in correct answers, 20\.0 words at the start/],
    [{ length: 13 }, /drift in length/],
  ])('go off for %j alone', (change, message) => {
    const alarms = leakAlarms(both(steady(change)), quiet);
    expect(alarms).toHaveLength(1);
    expect(alarms[0]?.message).toMatch(message);
  });

  it('go off for one judgement alone, and name it', () => {
    const leaking = leakAlarms({ ...quiet, incorrect: steady({ repeated: 0.6 }) }, quiet);
    expect(leaking).toEqual([
      {
        meter: 'repeated',
        message:
          'completions repeat privileged text: 60.0 % of the words of incorrect answers, 5.0 % at the start of the run',
      },
    ]);
  });

  it('allow incorrect answers to repeat as much as the first correct ones, and no more', () => {
    const base = { correct: steady({ repeated: 0.7, length: 40 }), incorrect: steady({}) };
    expect(leakAlarms({ ...base, incorrect: steady({ repeated: 0.75, length: 45 }) }, base)).toEqual([]);
    expect(leakAlarms({ ...base, incorrect: steady({ repeated: 0.9, length: 65 }) }, base)).toHaveLength(2);
  });

  it('require a difference larger than the spread between prompts, and than chance', () => {
    const uneven = both(steady({}, 1000, { repeated: 0.3 }));
    expect(leakAlarms(both(steady({ repeated: 0.3 }, 1000)), uneven)).toEqual([]);
    expect(leakAlarms(both(steady({ repeated: 0.5 }, 1000)), uneven)).toHaveLength(1);
    expect(leakAlarms(both(steady({ repeated: 0.4 }, 10, { repeated: 0.3 })), quiet)).toEqual([]);
    expect(leakAlarms(both(steady({ repeated: 0.5 }, 10, { repeated: 0.2 })), quiet)).toHaveLength(1);
  });

  it('stay off in 100 simulated runs that improve while correct answers repeat the trace', () => {
    for (let seed = 0; seed < 100; seed++) {
      const draw = draws(seed);
      const habits = (judgement: Judgement) => (judgement === 'correct' && draw() < 0.9 ? 1 : draw() * 0.9);
      const base = step(draw, 0.45, habits);
      for (let at = 0; at < 30; at++) {
        const better = at / 30;
        const nearer = (judgement: Judgement) => Math.max(habits(judgement), draw() * better);
        expect(leakAlarms(step(draw, 0.45 + better / 2, nearer), base)).toEqual([]);
      }
    }
  });

  it('go off within ten steps in each of 100 simulated runs whose completions start to repeat a third of the text', () => {
    for (let seed = 0; seed < 100; seed++) {
      const draw = draws(seed);
      const base = step(draw, 0.45, () => draw() * 0.1);
      const steps = Array.from({ length: 10 }, () => step(draw, 0.45, () => (draw() < 0.5 ? 0.66 : 0.05)));
      expect(steps.flatMap((now) => leakAlarms(now, base)).map(({ meter }) => meter)).toContain('repeated');
    }
  });
});
