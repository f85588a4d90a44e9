import type { DocumentVersion, Span } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import { bm25 } from './bm25.js';
import type { Ranker } from './ranker.js';

/** A chunk of a current document. */
export interface Passage {
  readonly document: DocumentVersion;
  readonly span: Span;
}

/** The current chunks of the documents that belong to no item. */
export interface SearchIndex {
  /** Brings the index up to the table. */
  refresh(): Promise<void>;
  /** The best passages for a text, the best first; ties in the order of document and position. Passages that `allowed` refuses are left out. */
  search(text: string, limit: number, allowed: (document: DocumentVersion) => boolean): Promise<readonly Passage[]>;
  /** All passages in the order of document and position. */
  passages(): readonly Passage[];
}

/** Reads every current document once; 20,000 passages take a few seconds with BM25. Changed documents alone are read again. */
export async function searchIndex(table: PrivilegedTable, ranker: Ranker = bm25()): Promise<SearchIndex> {
  const byNumber = new Map<number, Passage>();
  const numbers = new Map<string, { readonly version: string; readonly chunks: number[] }>();
  const changes = table.changes();
  let next = 0;
  let sorted: readonly Passage[] | undefined;

  const remove = (id: string): void => {
    for (const number of numbers.get(id)?.chunks ?? []) {
      ranker.remove(number);
      byNumber.delete(number);
    }
    numbers.delete(id);
  };

  const add = async (document: DocumentVersion): Promise<void> => {
    const { id, version, title } = document;
    const passages = [];
    for (const span of document.spans) {
      const { content: text } = await table.piece(document, span);
      const number = next++;
      byNumber.set(number, { document, span });
      passages.push({ number, place: { id, version, start: span.start }, title, text });
    }
    numbers.set(id, { version: indexedAs(document), chunks: passages.map(({ number }) => number) });
    await ranker.add(passages);
  };

  const update = async (): Promise<void> => {
    const changed = await changes();
    let removed = false;
    for (const id of changed) {
      const current = (await table.document(id))?.current ?? null;
      const wanted = current?.itemId === null && current.kind === 'document' ? current : null;
      if (wanted && numbers.get(id)?.version === indexedAs(wanted)) continue;
      if (numbers.has(id)) removed = true;
      remove(id);
      if (wanted) await add(wanted);
    }
    if (changed.length > 0) sorted = undefined;
    if (removed) await ranker.swept();
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
      const open = (await ranker.rank(text)).filter(({ number }) => {
        const passage = byNumber.get(number);
        return passage !== undefined && allowed(passage.document);
      });
      // All are looked at and few are wanted, so only those few are put in order.
      const least =
        Float64Array.from(open, ({ score }) => score)
          .sort()
          .at(-limit) ?? Number.NEGATIVE_INFINITY;
      return open
        .filter(({ score }) => score >= least)
        .flatMap(({ number, score }) => {
          const passage = byNumber.get(number);
          return passage ? [{ ...passage, score }] : [];
        })
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

function indexedAs(document: DocumentVersion): string {
  return JSON.stringify([document.version, document.title, document.spans.map(({ start }) => start)]);
}

function inOrder(a: Passage, b: Passage): number {
  if (a.document.id !== b.document.id) return a.document.id < b.document.id ? -1 : 1;
  return a.span.start - b.span.start;
}
