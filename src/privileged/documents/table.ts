import type { DocumentUse } from '../../records/records.js';
import type { TopicLog } from '../../topics/log.js';
import { privilegedTopic } from '../records.js';
import type { PrivilegedPiece } from '../store.js';
import type { DocumentState, DocumentVersion, Span } from './document.js';
import { readPiece, readPieceAsOf } from './pieces.js';
import type { DocumentMark } from './record-index.js';
import { documentsOf, findDocument, openTableState, readToEnd, type TableState } from './table-state.js';
import type { TextIds } from './text-ids.js';

/**
 * The topic of privileged context as a table of documents. It stores where each document's records are; their texts are
 * read on demand and kept in bounded caches. Every answer is as of the call.
 */
export interface PrivilegedTable {
  /** Reads the topic to its current end. */
  catchUp(): Promise<void>;
  /** The same, once all that was written to the topic before the call can be read; for what should be there. */
  settle(): Promise<void>;
  /**
   * A feed of the documents that can be found by search: each call gives the ids that changed since the call before;
   * the first one gives all.
   */
  changes(): () => Promise<readonly string[]>;
  document(id: string): Promise<DocumentState | undefined>;
  /** All documents in arrival order, or those that have, or ever had, a mark. */
  documents(marked?: DocumentMark): AsyncIterable<DocumentState>;
  /** Documents that an ingest wrote and whose ids are not in `seen`. */
  ingestedExcept(seen: TextIds): AsyncIterable<DocumentState>;
  /** Current documents of a prompt item, ordered by id. */
  ofItem(itemId: string): Promise<readonly DocumentVersion[]>;
  /**
   * The item documents of the same kind and partition as `id`, in arrival order; undefined when it belongs to no item.
   */
  neighbours(id: string): Neighbours | undefined;
  /** A whole chunk. @throws {UserError} `context-gone` when its text was removed. */
  piece(document: DocumentVersion, span: Span): Promise<PrivilegedPiece>;
  /**
   * What an earlier record says was shown. `check` may refuse the document before its text is read.
   * @throws {UserError} `context-gone` when the version is no longer in the topic.
   */
  pieceAsOf(use: DocumentUse, check: (document: DocumentVersion) => void): Promise<PrivilegedPiece>;
}

export interface Neighbours {
  /** Position of the document that was asked for. */
  readonly position: number;
  readonly length: number;
  current(position: number): Promise<DocumentVersion | null>;
}

export interface TableOptions {
  readonly topic?: string;
  /** Characters of text kept in memory. Default: 32 Mi. */
  readonly cacheCharacters?: number;
  /** Records whose documents' states are kept in memory, about half a kilobyte each. Default: 50,000. */
  readonly cacheRecords?: number;
}

/**
 * Opens the table over an existing topic and reads it to its end. Memory: up to 200 bytes per document, 25 per record,
 * and its caches.
 * @throws {UserError} `no-topic`
 * @example const table = await privilegedTable(log); await table.document('manuals/pump.md')
 */
export async function privilegedTable(
  log: TopicLog,
  { topic = privilegedTopic, cacheCharacters = 32 << 20, cacheRecords = 50_000 }: TableOptions = {},
): Promise<PrivilegedTable> {
  const state = await openTableState(log, topic, { cacheCharacters, cacheRecords });
  let reading: Promise<void> = Promise.resolve();
  const catchUp = (): Promise<void> => {
    const turn = reading.then(() => readToEnd(state));
    reading = turn.catch(() => undefined);
    return turn;
  };
  const settle = async (): Promise<void> => {
    await log.settled(topic);
    await catchUp();
  };
  await catchUp();
  const { index } = state;
  return {
    catchUp,
    settle,
    changes: () => changesOf(state),
    document: (id) => findDocument(state, id),
    documents: (mark) => rows(state, (row) => mark === undefined || index.has(row, mark)),
    ingestedExcept: (seen) => rows(state, (row) => index.has(row, 'ingested') && !seen.shares(index.ids, row)),
    ofItem: (itemId) => currentOfItem(state, itemId),
    neighbours: (id) => neighboursOf(state, id),
    piece: (document, span) => readPiece(state, document, span, settle),
    pieceAsOf: (use, check) => readPieceAsOf(state, use, check, settle),
  };
}

async function* rows(state: TableState, wanted: (row: number) => boolean): AsyncGenerator<DocumentState> {
  for (let row = 0; row < state.index.ids.size; row++) if (wanted(row)) yield* await documentsOf(state, row);
}

function changesOf(state: TableState): () => Promise<readonly string[]> {
  const feed = new Set<string>();
  state.feeds.push(feed);
  let all = true;
  return async () => {
    const first = all ? rows(state, (row) => state.index.has(row, 'searched')) : [];
    all = false;
    for await (const { id } of first) feed.add(id);
    const ids = [...feed];
    feed.clear();
    return ids;
  };
}

async function currentOfItem(state: TableState, itemId: string): Promise<readonly DocumentVersion[]> {
  const found: DocumentVersion[] = [];
  for (const row of state.index.ofItem(itemId))
    for (const { current } of await documentsOf(state, row)) if (current?.itemId === itemId) found.push(current);
  return found.sort((a, b) => (a.id < b.id ? -1 : 1));
}

function neighboursOf(state: TableState, id: string): Neighbours | undefined {
  const row = state.index.ids.find(id);
  const order = row === undefined ? undefined : state.index.orderOf(row);
  if (!order) return undefined;
  return {
    position: order.position,
    length: order.length,
    async current(position) {
      const documents = await documentsOf(state, order.row(position));
      return documents.map(({ current }) => current).find((version) => version !== null) ?? null;
    },
  };
}
