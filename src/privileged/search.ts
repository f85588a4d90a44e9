import MiniSearch from 'minisearch';
import type { DocumentVersion, PrivilegedTable, Span } from './table.js';

/** A chunk of a current document. */
export interface Passage {
  readonly document: DocumentVersion;
  readonly span: Span;
}

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
  const engine = new MiniSearch<{ id: number; title: string; text: string }>({ fields: ['title', 'text'] });
  const byNumber = new Map<number, Passage>();
  const numbers = new Map<string, { readonly version: string; readonly chunks: number[] }>();
  const changes = table.changes();
  let next = 0;
  let sorted: readonly Passage[] | undefined;

  const remove = (id: string): void => {
    for (const number of numbers.get(id)?.chunks ?? []) {
      engine.discard(number);
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
      const passageOf = (id: unknown): Passage | undefined => (typeof id === 'number' ? byNumber.get(id) : undefined);
      return engine
        .search(text, {
          filter: ({ id }) => {
            const passage = passageOf(id);
            return passage !== undefined && allowed(passage.document);
          },
        })
        .flatMap(({ id, score }) => {
          const passage = passageOf(id);
          return passage ? [{ ...passage, score: Number(score.toPrecision(9)) }] : [];
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
