import type { ChunkId } from '../records.js';

/** Ranks passages by their relevance to a text. Each passage has a number, which is never reused. */
export interface Ranker {
  add(
    passages: readonly {
      readonly number: number;
      readonly chunk: ChunkId;
      readonly title: string;
      readonly text: string;
    }[],
  ): Promise<void>;
  remove(number: number): void;
  /** Called once after passages were removed, to drop what they left behind in the index. */
  vacuum(): Promise<void>;
  /** Scores of the passages, higher is better, in any order. Irrelevant passages may be missing. */
  rank(text: string): Promise<readonly { readonly number: number; readonly score: number }[]>;
}
