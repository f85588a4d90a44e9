import { seedOf } from '../../support/digest.js';
import type { JudgedPrompt } from './judgements.js';

/** Which prompts are asked less often, by their running accuracy. */
export interface CurriculumSettings {
  /** Running accuracy from which on an item is easy, 0 to 1. */
  readonly easy: number;
  /** Running accuracy up to which an item is hard, 0 to 1. */
  readonly hard: number;
  /** Share of their turns in which easy and hard items are asked all the same, above 0 to 1. */
  readonly share: number;
}

/** Pools of difficulty: what is known of each item, and whether it is asked. */
export interface Curriculum {
  /** Takes in what was found of an item, in the order of the prompts. */
  learn(judged: JudgedPrompt): void;
  /** Whether an item gets this turn. One that was never judged does. @param turn tells apart the turns of an item */
  accepts(itemId: string, turn: string): boolean;
}

/** Weight of the newest group in the running accuracy. */
const NEWEST = 0.5;

/**
 * Keeps the running accuracy of each item: its first group's accuracy, then an exponential moving average in which the
 * newest group weighs one half.
 */
export function openCurriculum({ easy, hard, share }: CurriculumSettings, seed: number): Curriculum {
  const accuracies = new Map<string, number>();
  return {
    learn({ itemId, accuracy }) {
      const before = accuracies.get(itemId);
      accuracies.set(itemId, before === undefined ? accuracy : before + NEWEST * (accuracy - before));
    },
    accepts(itemId, turn) {
      const accuracy = accuracies.get(itemId);
      if (accuracy === undefined || (accuracy < easy && accuracy > hard)) return true;
      return Number(seedOf(seed, 'curriculum', itemId, turn)) / 2 ** 63 < share;
    },
  };
}
