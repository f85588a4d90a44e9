import MiniSearch from 'minisearch';
import { required } from '../../support/required.js';
import type { Ranker } from './ranker.js';

/**
 * Maximum number of passages that the query's words may match in all. Rare words are used first: a word that most
 * passages contain says little about any of them and is the most expensive to score. The rarest word is always used.
 */
const MAX_CANDIDATES = 500;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** BM25 over titles and texts. Keeps the words in memory, not the texts. */
export function bm25(): Ranker {
  const engine = new MiniSearch<{ id: number; title: string; text: string }>({
    fields: ['title', 'text'],
    tokenize: wordsOf,
    processTerm: (word) => word,
  });
  const counts = wordCounts();
  return {
    async add(passages) {
      for (const { number, title, text } of passages) {
        engine.add({ id: number, title, text });
        counts.add(number, [...wordsOf(title), ...wordsOf(text)]);
      }
    },
    remove(number) {
      engine.discard(number);
      counts.remove(number);
    },
    // Discarded passages affect the scores until they are vacuumed; afterwards the scores equal those of a new index.
    vacuum: () => engine.vacuum(),
    async rank(text) {
      const found = engine.search(counts.rarest(wordsOf(text), MAX_CANDIDATES).join(' '));
      // The order of the terms affects the last digits of their sum.
      return found.map(({ id, score }) => ({ number: Number(id), score: Number(score.toPrecision(9)) }));
    },
  };
}

/** How many passages contain each word. */
interface WordCounts {
  add(passage: number, words: readonly string[]): void;
  remove(passage: number): void;
  /** The rarest known words, as many as occur in `limit` passages in all, and at least one. */
  rarest(words: readonly string[], limit: number): readonly string[];
}

function wordCounts(): WordCounts {
  const ids = new Map<string, number>();
  const counts: number[] = [];
  const wordsByPassage = new Map<number, Uint32Array>();
  const idOf = (word: string): number => {
    const known = ids.get(word);
    if (known !== undefined) return known;
    const id = counts.push(0) - 1;
    ids.set(word, id);
    return id;
  };
  const change = (id: number, by: number): void => {
    counts[id] = required(counts[id], `count of word ${id}`) + by;
  };
  const countOf = (word: string): number => {
    const id = ids.get(word);
    return id === undefined ? 0 : required(counts[id], `count of ${word}`);
  };
  return {
    add(passage, words) {
      const own = Uint32Array.from(new Set(words), idOf);
      for (const id of own) change(id, 1);
      wordsByPassage.set(passage, own);
    },
    remove(passage) {
      for (const id of required(wordsByPassage.get(passage), `words of passage ${passage}`)) change(id, -1);
      wordsByPassage.delete(passage);
    },
    rarest(words, limit) {
      const known = [...new Set(words)].filter((word) => countOf(word) > 0);
      known.sort((a, b) => countOf(a) - countOf(b) || (a < b ? -1 : 1));
      let sum = 0;
      return known.filter((word, k) => {
        sum += countOf(word);
        return k === 0 || sum <= limit;
      });
    },
  };
}
