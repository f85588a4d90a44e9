import type { ChunkPlace } from './records.js';

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
  /**
   * At least the `limit` best of the passages that are accepted, with all that score as the last of them does, in any order. What has
   * nothing to do with the text may be left out, and others may be among them.
   */
  rank(
    text: string,
    limit: number,
    accepts: (number: number) => boolean,
  ): Promise<Iterable<{ readonly number: number; readonly score: number }>>;
}
