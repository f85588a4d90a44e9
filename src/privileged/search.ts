import MiniSearch from 'minisearch';
import type { DocumentVersion, PrivilegedTable, Span } from './table.js';

/** A chunk of a current document. */
export interface Passage {
  readonly document: DocumentVersion;
  readonly span: Span;
}

/**
 * Passages that a question's words may name together. Words are taken the rarest first: what most passages share says little about any
 * of them, and costs the most. The rarest word always counts.
 */
const candidates = 500;

const wordsOf = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}_]+/gu) ?? [];

/** BM25 over the current chunks of the documents that belong to no item. The words are in memory, the texts are not. */
export interface SearchIndex {
  /** Brings the index up to the table. */
  refresh(): Promise<void>;
  /** The best passages for a text, the best first; ties in the order of document and position. Passages that `allowed` refuses are left out. */
  search(text: string, limit: number, allowed: (document: DocumentVersion) => boolean): readonly Passage[];
  /** All passages in the order of document and position. */
  passages(): readonly Passage[];
}

/** Reads every current document once; 20,000 passages take a few seconds. Changed documents alone are read again. */
export async function searchIndex(table: PrivilegedTable): Promise<SearchIndex> {
  const engine = new MiniSearch<{ id: number; title: string; text: string }>({
    fields: ['title', 'text'],
    tokenize: wordsOf,
    processTerm: (word) => word,
  });
  const byNumber = new Map<number, Passage>();
  const rarity = wordCounts();
  const numbers = new Map<string, { readonly version: string; readonly chunks: number[] }>();
  const changes = table.changes();
  let next = 0;
  let sorted: readonly Passage[] | undefined;

  const remove = (id: string): void => {
    for (const number of numbers.get(id)?.chunks ?? []) {
      engine.discard(number);
      rarity.remove(number);
      byNumber.delete(number);
    }
    numbers.delete(id);
  };

  const add = async (document: DocumentVersion): Promise<void> => {
    const chunks: number[] = [];
    numbers.set(document.id, { version: indexedAs(document), chunks });
    for (const span of document.spans) {
      const { content } = await table.piece(document, span);
      const number = next++;
      chunks.push(number);
      byNumber.set(number, { document, span });
      engine.add({ id: number, title: document.title, text: content });
      rarity.add(number, [...wordsOf(document.title), ...wordsOf(content)]);
    }
  };

  const update = async (): Promise<void> => {
    const changed = changes();
    let removed = false;
    for (const id of changed) {
      const current = table.document(id)?.current ?? null;
      const wanted = current?.itemId === null && current.kind === 'document' ? current : null;
      if (wanted && numbers.get(id)?.version === indexedAs(wanted)) continue;
      if (numbers.has(id)) removed = true;
      remove(id);
      if (wanted) await add(wanted);
    }
    if (changed.length > 0) sorted = undefined;
    // Discarded chunks weigh on the scores until they are swept; without them the scores are those of an index made anew.
    if (removed) await engine.vacuum();
  };

  let updating: Promise<void> = Promise.resolve();
  const refresh = (): Promise<void> => {
    const turn = updating.then(update);
    updating = turn.catch(() => undefined);
    return turn;
  };

  await refresh();
  return {
    refresh,
    search(text, limit, allowed) {
      const best: (Passage & { readonly score: number })[] = [];
      for (const { id, score: exact } of engine.search(rarity.rarest(wordsOf(text), candidates).join(' '))) {
        // The same sum in another order of its terms differs in the last digits.
        const score = Number(exact.toPrecision(9));
        if (best.length >= limit && score < (best[limit - 1]?.score ?? 0)) break;
        const passage = typeof id === 'number' ? byNumber.get(id) : undefined;
        if (passage && allowed(passage.document)) best.push({ ...passage, score });
      }
      return best
        .sort((a, b) => b.score - a.score || inOrder(a, b))
        .slice(0, limit)
        .map(({ document, span }) => ({ document, span }));
    },
    passages() {
      sorted ??= [...byNumber.values()].sort(inOrder);
      return sorted;
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

function indexedAs(document: DocumentVersion): string {
  return JSON.stringify([document.version, document.title, document.spans.map(({ start }) => start)]);
}

function inOrder(a: Passage, b: Passage): number {
  if (a.document.id !== b.document.id) return a.document.id < b.document.id ? -1 : 1;
  return a.span.start - b.span.start;
}
