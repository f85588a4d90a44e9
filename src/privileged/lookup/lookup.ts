import type { PrivilegedKind } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { DocumentVersion } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import { privilegedKey } from '../records.js';
import type { PrivilegedPiece, PrivilegedStore } from '../store.js';
import { fitContext } from './budget.js';
import type { Ranker } from './ranker.js';
import { type Passage, type SearchIndex, searchIndex } from './search.js';
import { anotherItem, otherPassages } from './shuffle.js';

/** Which context the teacher sees: the item's own, another item's, or none. The last two are the control arms. */
export type Shown = 'own' | 'shuffled' | 'none';

/**
 * One way from a prompt to its context: a kind of record with the prompt's item id; the best passages for its question, by BM25 or by
 * the named embedding model; or the same documents for every prompt, by id.
 */
export type Join =
  | PrivilegedKind
  | { readonly search: number; readonly model?: string }
  | { readonly documents: readonly string[] };

export interface JoinOptions {
  /** In the order in which they are shown and in which the budget is spent. */
  readonly joins: readonly Join[];
  /** Access labels that this pipeline may read; a document without a label is open to all. */
  readonly labels: readonly string[];
  readonly shown: Shown;
  /** The run's seed; decides whose context a shuffled item gets. */
  readonly seed: number | bigint;
  /** Tokens of context at most; without it everything found is shown. */
  readonly budget?: { readonly tokens: number; readonly countTokens: (text: string) => number };
  /** What ranks the passages of a join that names a model. */
  readonly rankerOf?: (model: string) => Promise<Ranker>;
}

/**
 * A store over the table. Joined by item or by name, a document whose label is not allowed is an error, as the pipeline asked for it;
 * a search never finds one; `hiddenFromSearch` says how many those are. An item that the table does not know yet
 * makes it follow the topic; newer versions are seen once the caller lets the table catch up.
 * @throws {UserError} `no-context` at once for a fixed document that is not there, `label-refused` for one that is not allowed.
 */
export async function privilegedStore(table: PrivilegedTable, options: JoinOptions): Promise<PrivilegedStore> {
  const kinds = options.joins.filter((join) => typeof join === 'string');
  const opened = new Map<string | undefined, Promise<SearchIndex>>();
  const openIndex = async (model?: string): Promise<SearchIndex> => {
    const open = async (): Promise<SearchIndex> =>
      searchIndex(table, model === undefined ? undefined : await options.rankerOf?.(model));
    const index = opened.get(model) ?? open();
    opened.set(model, index);
    await (await index).refresh();
    return index;
  };
  const isAllowed = ({ label }: DocumentVersion): boolean => label === null || options.labels.includes(label);

  const allowed = (document: DocumentVersion): DocumentVersion => {
    if (isAllowed(document)) return document;
    const may = options.labels.length === 0 ? 'documents without a label' : `labels ${options.labels.join(', ')}`;
    throw new UserError(
      'label-refused',
      `document ${document.id}: marked ${document.label}, expected ${may}; allow the label in the pipeline or leave the document out`,
    );
  };

  const ofItem = async (itemId: string): Promise<readonly DocumentVersion[]> => {
    if (kinds.length === 0) return [];
    const wanted = async (): Promise<readonly DocumentVersion[]> =>
      (await table.ofItem(itemId)).filter(({ kind }) => kinds.includes(kind));
    let found = await wanted();
    if (found.length === 0) {
      await table.catchUp();
      found = await wanted();
    }
    return kinds.flatMap((kind) => found.filter((document) => document.kind === kind));
  };

  const anothers = async (itemId: string): Promise<readonly DocumentVersion[]> => {
    const own = await ofItem(itemId);
    if (own.length === 0) return [];
    let other = await anotherItem(table, own, itemId, options.seed);
    if (other === undefined) {
      await table.catchUp();
      other = await anotherItem(table, own, itemId, options.seed);
    }
    return other === undefined ? [] : await ofItem(other);
  };

  const fixedOf = (ids: readonly string[]): Promise<readonly DocumentVersion[]> =>
    Promise.all(ids.map((id) => fixed(table, id)));

  const passagesOf = async (
    join: Join,
    question: string,
    ofThisItem: readonly DocumentVersion[],
  ): Promise<readonly Passage[]> => {
    if (typeof join === 'string') return whole(ofThisItem.filter(({ kind }) => kind === join).map(allowed));
    if ('documents' in join) return whole((await fixedOf(join.documents)).map(allowed));
    const index = await openIndex(join.model);
    return index.search(question, join.search, isAllowed);
  };

  const others = async (
    join: Join,
    itemId: string,
    question: string,
    ofThatItem: readonly DocumentVersion[],
  ): Promise<readonly Passage[]> => {
    const passages = await passagesOf(join, question, ofThatItem);
    if (typeof join === 'string') return passages;
    const index = await openIndex('search' in join ? join.model : undefined);
    const open = index.passages().filter(({ document }) => isAllowed(document));
    return otherPassages(open, passages, itemId, options.seed);
  };

  for (const join of options.joins) {
    if (typeof join === 'object' && 'documents' in join) (await fixedOf(join.documents)).map(allowed);
  }
  return {
    async lookup(itemId, question, asOf) {
      if (asOf) return { pieces: await Promise.all(asOf.map((use) => table.pieceAsOf(use, allowed))) };
      if (options.shown === 'none') return { pieces: [] };
      const shuffled = options.shown === 'shuffled';
      const documents = shuffled ? await anothers(itemId) : await ofItem(itemId);
      const passages: Passage[] = [];
      for (const join of options.joins) {
        const found = shuffled
          ? await others(join, itemId, question, documents)
          : await passagesOf(join, question, documents);
        passages.push(...found);
      }
      if (passages.length === 0) throw noContext(itemId, options);
      const pieces: PrivilegedPiece[] = [];
      for (const { document, span } of once(passages)) pieces.push(await table.piece(document, span));
      const context = { pieces };
      return options.budget ? fitContext(context, options.budget.tokens, options.budget.countTokens) : context;
    },
  };
}

/** How many documents a search of this pipeline never finds, by their label. */
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

async function fixed(table: PrivilegedTable, id: string): Promise<DocumentVersion> {
  const document = (await table.document(id))?.current;
  if (document) return document;
  throw new UserError(
    'no-context',
    `document ${id}: named for every prompt, expected in the privileged topic, found none`,
  );
}

function whole(documents: readonly DocumentVersion[]): readonly Passage[] {
  return documents.flatMap((document) => document.spans.map((span) => ({ document, span })));
}

/** A passage that two joins find is shown where it was found first. */
function once(passages: readonly Passage[]): readonly Passage[] {
  const seen = new Set<string>();
  return passages.filter(({ document, span }) => {
    const key = privilegedKey(document.id, document.version, span.start);
    return !seen.has(key) && seen.add(key);
  });
}

function noContext(itemId: string, { joins, shown }: JoinOptions): UserError {
  const found = shown === 'shuffled' ? 'no other context to show in its place' : 'no privileged context';
  const ways = joins.map((join) => {
    if (typeof join === 'string') return `a ${join} with that item id`;
    if ('documents' in join) return 'a fixed document';
    return join.model === undefined ? 'a passage that shares a word with the question' : 'a passage';
  });
  return new UserError('no-context', `item ${itemId}: ${found}, expected ${ways.join(' or ')}`);
}
