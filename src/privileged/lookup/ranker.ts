import type { ChunkPlace } from '../records.js';

/** What decides which passages are near a text. Passages have numbers, which are never used twice. */
export interface Ranker {
  add(
    passages: readonly {
      readonly number: number;
      readonly place: ChunkPlace;
      readonly title: string;
      readonly text: string;
    }[],
  ): Promise<void>;
  remove(number: number): void;
  /** Called after passages were removed. */
  swept(): Promise<void>;
  /** The score of each passage, in any order; one that has nothing to do with the text may be left out. */
  rank(text: string): Promise<readonly { readonly number: number; readonly score: number }[]>;
}
