import type { Privileged } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { required } from '../../support/required.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { parseChunkKey, privilegedOf } from '../records.js';
import { type DocumentFold, documentFold, documentOf } from './document.js';
import { type Lru, lru } from './lru.js';
import { type RecordIndex, recordIndex } from './record-index.js';
import { type RecordReader, recordReader } from './record-reader.js';

/** Records read from the topic at once. */
const BATCH = 1000;

/** What a table keeps in memory. */
export interface TableState {
  readonly log: TopicLog;
  readonly topic: string;
  /** Next offset to read, by partition. */
  readonly next: bigint[];
  readonly index: RecordIndex;
  /** By row: the documents of that row, two or more when the hashes of their ids collide. */
  readonly folds: Lru<number, DocumentFold[]>;
  /** By record key. */
  readonly texts: Lru<string, string>;
  /** Changed ids that each subscriber has yet to fetch. */
  readonly feeds: Set<string>[];
  readonly recordAt: RecordReader;
}

export interface CacheLimits {
  /** Characters of text kept in memory. */
  readonly cacheCharacters: number;
  /** Records whose documents' states are kept in memory, about half a kilobyte each. */
  readonly cacheRecords: number;
}

/** An empty state at the start of the topic. @throws {UserError} `no-topic` */
export async function openTableState(log: TopicLog, topic: string, limits: CacheLimits): Promise<TableState> {
  const info = (await log.describe()).find((candidate) => candidate.name === topic);
  if (!info)
    throw new UserError('no-topic', `topic ${topic}: does not exist; expected the topic of privileged context`);
  const index = recordIndex();
  return {
    log,
    topic,
    next: info.bounds.map(({ start }) => start),
    index,
    folds: lru(limits.cacheRecords, (row) => index.count(row) + 1),
    texts: lru(limits.cacheCharacters, (key, text) => key.length + text.length),
    feeds: [],
    recordAt: recordReader(log, topic),
  };
}

/** Reads every partition to its current end. */
export async function readToEnd(state: TableState): Promise<void> {
  for (let partition = 0; partition < state.next.length; partition++) {
    for (;;) {
      const from = required(state.next[partition], `next offset of partition ${partition}`);
      const records = await state.log.read(state.topic, partition, from, BATCH);
      for (const record of records) takeRecord(state, record);
      const last = records.at(-1);
      if (!last) break;
      state.next[partition] = last.offset + 1n;
    }
  }
}

function takeRecord(state: TableState, entry: LogRecord): void {
  const { index, texts, folds } = state;
  const record = privilegedOf(entry);
  const id = documentOf(entry, record);
  if (record === undefined || id === undefined) return;
  const newRow = index.ids.size;
  const row = index.add(id, entry);
  if (record === null) texts.delete(entry.key);
  else if (record.content !== null) {
    if (record.itemId !== null) index.link(row, record.itemId, `${record.kind}/${entry.partition}`);
    else if (record.kind === 'document') index.mark(row, 'searched');
    if (entry.headers.stamp !== undefined) index.mark(row, 'ingested');
    // The text is at hand now; whoever asks for it next need not read it again.
    texts.set(entry.key, record.content);
  }
  // A state that is not cached is rebuilt when it is asked for.
  const cached = row === newRow ? [] : folds.get(row);
  if (cached) {
    foldRecord(cached, id, entry, record);
    folds.set(row, cached);
  }
  notifyFeeds(state, id, row);
}

/** Tells every feed that a searchable document changed. */
export function notifyFeeds({ index, feeds }: TableState, id: string, row: number): void {
  if (index.has(row, 'searched')) for (const feed of feeds) feed.add(id);
}

/** The documents of a row, from the cache or rebuilt from the topic. */
export async function documentsOf(state: TableState, row: number): Promise<readonly DocumentFold[]> {
  const { index, folds, recordAt } = state;
  const cached = folds.get(row);
  if (cached) return cached;
  const rebuilt: DocumentFold[] = [];
  // Records that arrive during this loop are part of the iteration too.
  for (const location of index.recordsOf(row)) {
    const entry = await recordAt(location, index.count(row));
    if (!entry) continue;
    const record = privilegedOf(entry);
    const id = documentOf(entry, record);
    if (record !== undefined && id !== undefined) foldRecord(rebuilt, id, entry, record);
  }
  const meanwhile = folds.get(row);
  if (meanwhile) return meanwhile;
  folds.set(row, rebuilt);
  return rebuilt;
}

export async function findDocument(state: TableState, id: string): Promise<DocumentFold | undefined> {
  const row = state.index.ids.find(id);
  return row === undefined ? undefined : (await documentsOf(state, row)).find((document) => document.id === id);
}

function foldRecord(folds: DocumentFold[], id: string, entry: LogRecord, record: Privileged | null): void {
  let fold = folds.find((one) => one.id === id);
  if (!fold) {
    fold = documentFold(id);
    folds.push(fold);
  }
  const chunk = record === null ? parseChunkKey(entry.key) : undefined;
  if (record !== null) fold.take(entry, record);
  else if (chunk) fold.remove(chunk);
}
