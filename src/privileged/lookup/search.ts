import type { DocumentVersion, Span } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import { bm25 } from './bm25.js';
import type { Ranker } from './ranker.js';

/** A chunk of a current document. */
export interface Passage {
  readonly document: DocumentVersion;
  readonly span: Span;
}

/** A search index over the current documents that belong to no item. */
export interface SearchIndex {
  /** Updates the index from the table. */
  refresh(): Promise<void>;
  /**
   * The best passages for a text, best first; ties are ordered by document and position. Only documents that `allowed`
   * accepts count.
   */
  search(text: string, limit: number, allowed: (document: DocumentVersion) => boolean): Promise<readonly Passage[]>;
  /** All passages, ordered by document and position. */
  passages(): readonly Passage[];
}

/**
 * Reads every current document once, which takes a few seconds for 20,000 passages with BM25. Refreshing reads only
 * what changed.
 */
export async function searchIndex(table: PrivilegedTable, ranker: Ranker = bm25()): Promise<SearchIndex> {
  const byNumber = new Map<number, Passage>();
  const indexed = new Map<string, { readonly version: string; readonly chunks: number[] }>();
  const changes = table.changes();
  let next = 0;
  let sorted: readonly Passage[] | undefined;

  const remove = (id: string): void => {
    const entry = indexed.get(id);
    if (!entry) return;
    for (const number of entry.chunks) {
      ranker.remove(number);
      byNumber.delete(number);
    }
    indexed.delete(id);
  };

  const add = async (document: DocumentVersion): Promise<void> => {
    const { id, version, title } = document;
    const passages = [];
    for (const span of document.spans) {
      const { content: text } = await table.piece(document, span);
      const number = next++;
      byNumber.set(number, { document, span });
      passages.push({ number, chunk: { id, version, start: span.start }, title, text });
    }
    indexed.set(id, { version: indexKey(document), chunks: passages.map(({ number }) => number) });
    await ranker.add(passages);
  };

  const update = async (): Promise<void> => {
    const changed = await changes();
    let removed = false;
    for (const id of changed) {
      const current = (await table.document(id))?.current ?? null;
      const wanted = current?.itemId === null && current.kind === 'document' ? current : null;
      if (wanted && indexed.get(id)?.version === indexKey(wanted)) continue;
      if (indexed.has(id)) removed = true;
      remove(id);
      if (wanted) await add(wanted);
    }
    if (changed.length > 0) sorted = undefined;
    if (removed) await ranker.vacuum();
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
    async search(text, limit, allowed) {
      const scored = (await ranker.rank(text)).flatMap(({ number, score }) => {
        const passage = byNumber.get(number);
        return passage && allowed(passage.document) ? [{ passage, score }] : [];
      });
      return best(scored, limit);
    },
    passages() {
      sorted ??= [...byNumber.values()].sort(inOrder);
      return sorted;
    },
  };
}

interface ScoredPassage {
  readonly passage: Passage;
  readonly score: number;
}

/** Selects before it sorts: every passage is scored, but only a few are wanted. */
function best(scored: readonly ScoredPassage[], limit: number): readonly Passage[] {
  const scores = Float64Array.from(scored, ({ score }) => score).sort();
  const threshold = scores.at(-limit) ?? Number.NEGATIVE_INFINITY;
  return scored
    .filter(({ score }) => score >= threshold)
    .sort((a, b) => b.score - a.score || inOrder(a.passage, b.passage))
    .slice(0, limit)
    .map(({ passage }) => passage);
}

/** Changes whenever the document has to be indexed again. */
function indexKey(document: DocumentVersion): string {
  return JSON.stringify([document.version, document.title, document.spans.map(({ start }) => start)]);
}

function inOrder(a: Passage, b: Passage): number {
  if (a.document.id !== b.document.id) return a.document.id < b.document.id ? -1 : 1;
  return a.span.start - b.span.start;
}
