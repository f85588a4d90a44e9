import { UserError } from '../../support/errors.js';
import type { PrivilegedTable } from '../documents/table.js';
import { privilegedKey } from '../records.js';
import type { PrivilegedPiece, PrivilegedStore } from '../store.js';
import { fitContext } from './budget.js';
import {
  fixedPassages,
  itemDocuments,
  type JoinOptions,
  type Joins,
  joinedPassages,
  requireAllowed,
  shuffledDocuments,
  shuffledPassages,
} from './joins.js';
import type { Passage } from './search.js';

export type { Join, JoinOptions, Shown } from './joins.js';

/**
 * A store that looks up context in the table. A document joined by item or by id whose label is not allowed is an
 * error, because the pipeline asked for it; a search skips such documents (`hiddenFromSearch` counts them). Newer
 * versions of documents are seen once the caller lets the table catch up; an unknown item makes the table catch up on
 * its own.
 * @throws {UserError} for documents named by id: `no-context` when one is missing, `label-refused` when one is not
 * allowed
 * @example
 * const store = await privilegedStore(table, { joins: ['trace'], labels: [], shown: 'own', seed: 7 });
 * await store.lookup('sum-7', 'What is 3 + 4?');
 */
export async function privilegedStore(table: PrivilegedTable, options: JoinOptions): Promise<PrivilegedStore> {
  const joins: Joins = { table, options, indexes: new Map() };
  for (const join of options.joins)
    if (typeof join === 'object' && 'documents' in join) await fixedPassages(joins, join.documents);
  return {
    async lookup(itemId, question, asOf) {
      const check = requireAllowed.bind(undefined, options);
      if (asOf) return { pieces: await Promise.all(asOf.map((use) => table.pieceAsOf(use, check))) };
      if (options.shown === 'none') return { pieces: [] };
      const passages = await passagesOf(joins, itemId, question);
      if (passages.length === 0) throw noContext(itemId, options);
      const pieces: PrivilegedPiece[] = [];
      for (const { document, span } of distinct(passages)) pieces.push(await table.piece(document, span));
      return options.budget ? fitContext({ pieces }, options.budget.tokens, options.budget.countTokens) : { pieces };
    },
  };
}

async function passagesOf(joins: Joins, itemId: string, question: string): Promise<readonly Passage[]> {
  const shuffled = joins.options.shown === 'shuffled';
  const documents = shuffled ? await shuffledDocuments(joins, itemId) : await itemDocuments(joins, itemId);
  const passages: Passage[] = [];
  for (const join of joins.options.joins) {
    const found = shuffled
      ? await shuffledPassages(joins, join, { id: itemId, question, documents })
      : await joinedPassages(joins, join, question, documents);
    passages.push(...found);
  }
  return passages;
}

/** Number of documents that searches skip because of their label, by label. */
export async function hiddenFromSearch(
  table: PrivilegedTable,
  { joins, labels }: Pick<JoinOptions, 'joins' | 'labels'>,
): Promise<ReadonlyMap<string, number>> {
  const hidden = new Map<string, number>();
  if (!joins.some((join) => typeof join === 'object' && 'search' in join)) return hidden;
  for await (const { current } of table.documents('searched')) {
    const label = current?.itemId === null && current.kind === 'document' ? current.label : null;
    if (label !== null && !labels.includes(label)) hidden.set(label, (hidden.get(label) ?? 0) + 1);
  }
  return hidden;
}

/** Keeps the first occurrence of a passage that several joins found. */
function distinct(passages: readonly Passage[]): readonly Passage[] {
  const seen = new Set<string>();
  return passages.filter(({ document, span }) => {
    const key = privilegedKey(document.id, document.version, span.start);
    return !seen.has(key) && seen.add(key);
  });
}

function noContext(itemId: string, { joins, shown }: JoinOptions): UserError {
  const found = shown === 'shuffled' ? "no other item's context to show" : 'no privileged context';
  const expected = joins.map((join) => {
    if (typeof join === 'string') return `a ${join} with that item id`;
    if ('documents' in join) return 'a document named by id';
    return join.model === undefined ? 'a passage that shares a word with the question' : 'a passage';
  });
  return new UserError('no-context', `item ${itemId}: found ${found}, expected ${expected.join(' or ')}`);
}
