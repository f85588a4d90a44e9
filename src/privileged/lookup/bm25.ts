import MiniSearch from 'minisearch';
import type { Ranker } from './ranker.js';

/**
 * Passages that a question's words may name together. Words are taken the rarest first: what most passages share says little about any
 * of them, and costs the most. The rarest word always counts.
 */
const candidates = 500;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** BM25 over titles and texts. The words are in memory, the texts are not. */
export function bm25(): Ranker {
  const engine = new MiniSearch<{ id: number; title: string; text: string }>({
    fields: ['title', 'text'],
    tokenize: wordsOf,
    processTerm: (word) => word,
  });
  const rarity = wordCounts();
  return {
    async add(passages) {
      for (const { number, title, text } of passages) {
        engine.add({ id: number, title, text });
        rarity.add(number, [...wordsOf(title), ...wordsOf(text)]);
      }
    },
    remove(number) {
      engine.discard(number);
      rarity.remove(number);
    },
    // Discarded passages weigh on the scores until they are swept; without them the scores are those of an index made anew.
    swept: () => engine.vacuum(),
    async rank(text) {
      const found = engine.search(rarity.rarest(wordsOf(text), candidates).join(' '));
      // The same sum in another order of its terms differs in the last digits.
      return found.map(({ id, score }) => ({ number: Number(id), score: Number(score.toPrecision(9)) }));
    },
  };
}

/** How many passages have each word. */
interface WordCounts {
  add(passage: number, words: readonly string[]): void;
  remove(passage: number): void;
  /** The rarest of the words that are there, as many as `passages` passages have between them, and one at least. */
  rarest(words: readonly string[], passages: number): readonly string[];
}

function wordCounts(): WordCounts {
  const numbers = new Map<string, number>();
  const counts: number[] = [];
  const held = new Map<number, Uint32Array>();
  return {
    add(passage, words) {
      const own = Uint32Array.from(new Set(words), (word) => {
        const number = numbers.get(word) ?? numbers.size;
        numbers.set(word, number);
        counts[number] = (counts[number] ?? 0) + 1;
        return number;
      });
      held.set(passage, own);
    },
    remove(passage) {
      for (const number of held.get(passage) ?? []) counts[number] = (counts[number] ?? 1) - 1;
      held.delete(passage);
    },
    rarest(words, passages) {
      const count = (word: string): number => counts[numbers.get(word) ?? -1] ?? 0;
      const there = [...new Set(words)].filter((word) => count(word) > 0);
      there.sort((a, b) => count(a) - count(b) || (a < b ? -1 : 1));
      let sum = 0;
      return there.filter((word, k) => {
        sum += count(word);
        return k === 0 || sum <= passages;
      });
    },
  };
}
