import { digest } from '../support/digest.js';
import { at } from '../support/required.js';

/**
 * Which prompts are held out: a number of questions, a share of all possible ones, or those of a file. A share does not
 * depend on the other questions, so adding some moves none.
 */
export type HeldOut = number | { readonly share: number } | { readonly file: string };

/** A question as it is compared: two that differ in white space or in the form of their characters are one. */
const canonical = (question: string): string => question.normalize('NFC').replaceAll(/\s+/gu, ' ').trim();

/** Identifies a question. */
export const questionKey = (question: string): string => digest('held-out', canonical(question));

/** Bits of a question's hash that rank it; a double can express them. */
const RANK_BITS = 52;

/** Where a question is among all possible ones, from 0 to 1: it is held out if this is below the share. */
export const rankOf = (question: string): number =>
  Number.parseInt(questionKey(question).slice(0, RANK_BITS / 4), 16) / 2 ** RANK_BITS;

/** The shortest decimal above the first rank and not above the second. */
export function boundaryBetween(last: number, next: number): number {
  for (let power = 10; power <= 1e16; power *= 10) {
    const share = Math.floor(next * power) / power;
    if (share > last && share <= next) return share;
  }
  return next;
}

/** Chooses the items with the lowest ranks, one of each question, while keeping few in memory. */
export function lowestRanks<T extends { readonly question: string }>(count: number) {
  const ranked = new Map<number, T>();
  const lowest = (limit: number) => [...ranked].sort(([a], [b]) => a - b).slice(0, limit);
  return {
    add(item: T): void {
      const rank = rankOf(item.question);
      if (!ranked.has(rank)) ranked.set(rank, item);
      if (ranked.size <= 2 * count + 1024) return;
      const kept = lowest(count + 1);
      ranked.clear();
      for (const [key, value] of kept) ranked.set(key, value);
    },
    /** The items and the share that they are; undefined where there are not more questions than that. */
    chosen(): { readonly items: readonly T[]; readonly share: number } | undefined {
      if (ranked.size <= count) return undefined;
      const kept = lowest(count + 1);
      const items = kept.slice(0, count).map(([, item]) => item);
      const ranks = kept.map(([rank]) => rank);
      return { items, share: count === 0 ? 0 : boundaryBetween(at(ranks, count - 1), at(ranks, count)) };
    },
  };
}
