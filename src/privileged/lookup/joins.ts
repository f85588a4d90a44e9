import type { PrivilegedKind } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { DocumentVersion } from '../documents/document.js';
import type { PrivilegedTable } from '../documents/table.js';
import type { Ranker } from './ranker.js';
import { type Passage, type SearchIndex, searchIndex } from './search.js';
import { anotherItem, otherPassages } from './shuffle.js';

/** Whose context the teacher sees: the item's own, another item's, or none. The last two are control arms. */
export type Shown = 'own' | 'shuffled' | 'none';

/**
 * How a prompt is joined with its context: by item id, with the records of one kind; by search, with the best passages
 * for its question according to BM25 or the named embedding model; or with the same documents for every prompt, by id.
 */
export type Join =
  | PrivilegedKind
  | { readonly search: number; readonly model?: string }
  | { readonly documents: readonly string[] };

export interface JoinOptions {
  /** In the order in which they are shown and the budget is spent. */
  readonly joins: readonly Join[];
  /** Access labels that this pipeline may read. A document without a label is open to all. */
  readonly labels: readonly string[];
  readonly shown: Shown;
  /** Seed of the run; decides whose context a shuffled item gets. */
  readonly seed: number | bigint;
  /** Maximum context tokens. Default: everything found is shown. */
  readonly budget?: { readonly tokens: number; readonly countTokens: (text: string) => number };
  /** Opens the ranker of a join that names an embedding model. */
  readonly rankerOf?: (model: string) => Promise<Ranker>;
}

/** The table, the joins over it, and the search index of each model that a join has asked for so far. */
export interface Joins {
  readonly table: PrivilegedTable;
  readonly options: JoinOptions;
  /** By model; `undefined` is BM25. */
  readonly indexes: Map<string | undefined, Promise<SearchIndex>>;
}

export const isAllowed = ({ labels }: Pick<JoinOptions, 'labels'>, { label }: DocumentVersion): boolean =>
  label === null || labels.includes(label);

/** @throws {UserError} `label-refused` */
export function requireAllowed({ labels }: Pick<JoinOptions, 'labels'>, document: DocumentVersion): void {
  if (isAllowed({ labels }, document)) return;
  const expected = labels.length === 0 ? 'a document without a label' : `one of the labels ${labels.join(', ')}`;
  throw new UserError(
    'label-refused',
    `document ${document.id}: found label ${document.label}, expected ${expected}; ` +
      'add the label to privileged.labels or leave the document out',
  );
}

/**
 * Current documents of an item, in the order of the joins. An item unknown to the table makes it read the topic again.
 */
export async function itemDocuments(joins: Joins, itemId: string): Promise<readonly DocumentVersion[]> {
  const { table, options } = joins;
  const kinds = options.joins.filter((join) => typeof join === 'string');
  if (kinds.length === 0) return [];
  const find = async (): Promise<readonly DocumentVersion[]> =>
    (await table.ofItem(itemId)).filter(({ kind }) => kinds.includes(kind));
  let found = await find();
  if (found.length === 0) {
    await table.settle();
    found = await find();
  }
  return kinds.flatMap((kind) => found.filter((document) => document.kind === kind));
}

/** The documents of another item, for the shuffled control arm. Empty when there is none. */
export async function shuffledDocuments(joins: Joins, itemId: string): Promise<readonly DocumentVersion[]> {
  const { table, options } = joins;
  const own = await itemDocuments(joins, itemId);
  if (own.length === 0) return [];
  let other = await anotherItem(table, own, itemId, options.seed);
  if (other === undefined) {
    await table.settle();
    other = await anotherItem(table, own, itemId, options.seed);
  }
  return other === undefined ? [] : await itemDocuments(joins, other);
}

/** What one join finds. @param documents of the item whose context is shown */
export async function joinedPassages(
  joins: Joins,
  join: Join,
  question: string,
  documents: readonly DocumentVersion[],
): Promise<readonly Passage[]> {
  const { options } = joins;
  if (typeof join === 'string')
    return allowedPassages(
      options,
      documents.filter(({ kind }) => kind === join),
    );
  if ('documents' in join) return await fixedPassages(joins, join.documents);
  const index = await openIndex(joins, join.model);
  return index.search(question, join.search, (document) => isAllowed(options, document));
}

/**
 * What one join finds in the shuffled control arm: another item's documents, or as many other passages as the join
 * finds.
 */
export async function shuffledPassages(
  joins: Joins,
  join: Join,
  item: { readonly id: string; readonly question: string; readonly documents: readonly DocumentVersion[] },
): Promise<readonly Passage[]> {
  const { options } = joins;
  const passages = await joinedPassages(joins, join, item.question, item.documents);
  if (typeof join === 'string') return passages;
  const index = await openIndex(joins, 'search' in join ? join.model : undefined);
  const allowed = index.passages().filter(({ document }) => isAllowed(options, document));
  return otherPassages(allowed, passages, item.id, options.seed);
}

/** All passages of documents named by id. @throws {UserError} `no-context`, `label-refused` */
export async function fixedPassages(
  { table, options }: Pick<Joins, 'table' | 'options'>,
  ids: readonly string[],
): Promise<readonly Passage[]> {
  const find = async (id: string): Promise<DocumentVersion> => {
    const current = (await table.document(id))?.current;
    if (current) return current;
    throw new UserError(
      'no-context',
      `document ${id}: not in the privileged topic; expected it there, as every prompt is joined with it`,
    );
  };
  return allowedPassages(options, await Promise.all(ids.map(find)));
}

function allowedPassages(options: JoinOptions, documents: readonly DocumentVersion[]): readonly Passage[] {
  for (const document of documents) requireAllowed(options, document);
  return documents.flatMap((document) => document.spans.map((span) => ({ document, span })));
}

async function openIndex({ table, options, indexes }: Joins, model: string | undefined): Promise<SearchIndex> {
  const open = async (): Promise<SearchIndex> =>
    searchIndex(table, model === undefined ? undefined : await options.rankerOf?.(model));
  const opened = indexes.get(model) ?? open();
  indexes.set(model, opened);
  const index = await opened;
  await index.refresh();
  return index;
}
