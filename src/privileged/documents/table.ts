import type { DocumentUse, Privileged } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { LogRecord, TopicLog } from '../../topics/log.js';
import { parseChunkKey, privilegedKey, privilegedOf, privilegedTopic } from '../records.js';
import type { PrivilegedPiece } from '../store.js';
import {
  type DocumentState,
  type DocumentVersion,
  documentOf,
  type FollowingState,
  followDocument,
  type Span,
} from './document.js';
import { lru } from './lru.js';
import { documentPlaces, type Mark } from './record-index.js';
import { recordReader } from './record-reader.js';
import type { TextNumbers } from './text-ids.js';

/**
 * The topic as a table. It holds where each document's records are, not what they say: these are read when asked for, and kept in bounded
 * caches. A state is as of the call.
 */
export interface PrivilegedTable {
  /** Follows the topic to its present end. */
  catchUp(): Promise<void>;
  /** A feed of documents that can be found by search: each call gives the ids of those that changed since the call before, the first one all. */
  changes(): () => Promise<readonly string[]>;
  document(id: string): Promise<DocumentState | undefined>;
  /** All documents in the order in which they came; with `marked`, those that are or ever were so. */
  documents(marked?: Mark): AsyncIterable<DocumentState>;
  /** Documents that an ingest wrote, and whose ids have no number among these. */
  ingestedBeside(seen: TextNumbers): AsyncIterable<DocumentState>;
  /** Current documents of a prompt item, by id. */
  ofItem(itemId: string): Promise<readonly DocumentVersion[]>;
  /** The item documents that share kind and partition with `id`, in the order in which they came; undefined where it is of no item. */
  neighbours(id: string): Neighbours | undefined;
  piece(document: DocumentVersion, span: Span): Promise<PrivilegedPiece>;
  /**
   * What an earlier record says was shown. `check` may refuse the document before it is read.
   * @throws {UserError} `context-gone` when the version is not in the topic any more.
   */
  pieceAsOf(use: DocumentUse, check: (document: DocumentVersion) => void): Promise<PrivilegedPiece>;
}

export interface Neighbours {
  /** Where the document itself stands. */
  readonly position: number;
  readonly length: number;
  current(position: number): Promise<DocumentVersion | null>;
}

export interface TableOptions {
  readonly topic?: string;
  /** Characters of text that are kept in memory. Default: 32 Mi. */
  readonly cacheCharacters?: number;
  /** Records whose document's state is kept in memory, about half a kilobyte each. Default: 50,000. */
  readonly cacheRecords?: number;
}

/** Records read from the topic at once. */
const batch = 1000;

/** Opens the table over a topic that exists, and reads it to its end. Memory: up to 200 bytes a document, 25 a record, and its caches. */
export async function privilegedTable(
  log: TopicLog,
  { topic = privilegedTopic, cacheCharacters = 32 << 20, cacheRecords = 50_000 }: TableOptions = {},
): Promise<PrivilegedTable> {
  const next: bigint[] = await startOf(log, topic);
  const places = documentPlaces();
  // By row; two ids whose hashes meet share one.
  const kept = lru<number, FollowingState[]>(cacheRecords, (row) => places.count(row) + 1);
  const feeds: Set<string>[] = [];
  const texts = lru<string, string>(cacheCharacters, (key, text) => key.length + text.length);
  const recordAt = recordReader(log, topic);

  const tell = (id: string, row: number): void => {
    if (places.has(row, 'searched')) for (const feed of feeds) feed.add(id);
  };

  const take = (entry: LogRecord): void => {
    const record = privilegedOf(entry);
    const id = documentOf(entry, record);
    if (id === undefined) return;
    const known = places.ids.size;
    const row = places.add(id, entry);
    if (record === null) texts.delete(entry.key);
    else if (record.content !== null) {
      if (record.itemId !== null) places.link(row, record.itemId, `${record.kind}/${entry.partition}`);
      else if (record.kind === 'document') places.mark(row, 'searched');
      if (entry.headers.stamp !== undefined) places.mark(row, 'ingested');
      // It was read for its place; whoever asks for the text next need not read it again.
      texts.set(entry.key, record.content);
    }
    // A state that is not in memory is put together when it is asked for.
    const states = row === known ? [] : kept.get(row);
    if (states) {
      follow(states, id, entry, record);
      kept.set(row, states);
    }
    tell(id, row);
  };

  const statesOf = async (row: number): Promise<readonly FollowingState[]> => {
    const held = kept.get(row);
    if (held) return held;
    const states: FollowingState[] = [];
    // Records that come while others are read are among the places as well.
    for (const place of places.of(row)) {
      const entry = await recordAt(place, places.count(row));
      const record = entry && privilegedOf(entry);
      const id = entry && documentOf(entry, record ?? null);
      if (entry && id !== undefined) follow(states, id, entry, record ?? null);
    }
    const meanwhile = kept.get(row);
    if (!meanwhile) kept.set(row, states);
    return meanwhile ?? states;
  };

  const document = async (id: string): Promise<FollowingState | undefined> => {
    const row = places.ids.find(id);
    return row === undefined ? undefined : (await statesOf(row)).find((state) => state.id === id);
  };

  async function* documents(wanted: (row: number) => boolean): AsyncGenerator<DocumentState> {
    for (let row = 0; row < places.ids.size; row++) if (wanted(row)) yield* await statesOf(row);
  }

  const readOn = async (): Promise<void> => {
    for (let partition = 0; partition < next.length; partition++) {
      for (;;) {
        const records = await log.read(topic, partition, next[partition] ?? 0n, batch);
        for (const record of records) take(record);
        const last = records.at(-1);
        if (!last) break;
        next[partition] = last.offset + 1n;
      }
    }
  };

  let following: Promise<void> = Promise.resolve();
  const catchUp = (): Promise<void> => {
    const turn = following.then(readOn);
    following = turn.catch(() => undefined);
    return turn;
  };

  const gone = async (id: string, version: string): Promise<UserError> => {
    const forgotten = (await document(id))?.forgotten.includes(version);
    const why = forgotten ? 'it was forgotten' : 'the topic does not hold it any more';
    return new UserError('context-gone', `document ${id}, version ${version.slice(0, 12)}: ${why}`);
  };

  const find = async (id: string, version: string): Promise<DocumentVersion | undefined> =>
    (await document(id))?.versions.find((candidate) => candidate.version === version);

  const text = async (version: DocumentVersion, span: Span): Promise<string> => {
    const key = privilegedKey(version.id, version.version, span.start);
    const cached = texts.get(key);
    if (cached !== undefined) return cached;
    const [entry] = await log.read(topic, span.partition, span.offset, 1);
    const content = entry?.offset === span.offset ? privilegedOf(entry)?.content : undefined;
    if (typeof content === 'string') {
      texts.set(key, content);
      return content;
    }
    // The record moved (written again) or went (forgotten) since the table last looked.
    await catchUp();
    const moved = (await find(version.id, version.version))?.spans.find((other) => other.start === span.start);
    if (moved && moved.offset !== span.offset) return text(version, moved);
    (await document(version.id))?.remove({ id: version.id, version: version.version, start: span.start });
    const row = places.ids.find(version.id);
    if (row !== undefined) tell(version.id, row);
    throw await gone(version.id, version.version);
  };

  const piece = async (version: DocumentVersion, span: Span): Promise<PrivilegedPiece> => ({
    id: version.id,
    version: version.version,
    start: span.start,
    end: span.end,
    truncated: false,
    kind: version.kind,
    title: version.title,
    content: await text(version, span),
  });

  await catchUp();
  return {
    catchUp,
    changes() {
      const feed = new Set<string>();
      feeds.push(feed);
      let all = true;
      return async () => {
        const first = all ? documents((row) => places.has(row, 'searched')) : [];
        all = false;
        for await (const { id } of first) feed.add(id);
        const ids = [...feed];
        feed.clear();
        return ids;
      };
    },
    document,
    documents: (marked) => documents((row) => marked === undefined || places.has(row, marked)),
    ingestedBeside: (seen) => documents((row) => places.has(row, 'ingested') && !seen.shares(places.ids, row)),
    async ofItem(itemId) {
      const found: DocumentVersion[] = [];
      for (const row of places.ofItem(itemId))
        for (const { current } of await statesOf(row)) if (current?.itemId === itemId) found.push(current);
      return found.sort((a, b) => (a.id < b.id ? -1 : 1));
    },
    neighbours(id) {
      const row = places.ids.find(id);
      const order = row === undefined ? undefined : places.orderOf(row);
      if (!order) return undefined;
      const current = async (at: number) =>
        (await statesOf(order.row(at))).map((state) => state.current).find((version) => version !== null) ?? null;
      return { position: order.position, length: order.length, current };
    },
    piece,
    async pieceAsOf(use, check) {
      if (!(await find(use.id, use.version))) await catchUp();
      const version = await find(use.id, use.version);
      const span = version?.spans.find(({ start, end }) => start <= use.start && use.end <= end);
      if (!version || !span) throw await gone(use.id, use.version);
      check(version);
      const whole = await piece(version, span);
      return { ...whole, ...use, content: whole.content.slice(use.start - span.start, use.end - span.start) };
    },
  };
}

function follow(states: FollowingState[], id: string, entry: LogRecord, record: Privileged | null): void {
  let state = states.find((one) => one.id === id);
  if (!state) {
    state = followDocument(id);
    states.push(state);
  }
  const chunk = record === null ? parseChunkKey(entry.key) : undefined;
  if (record !== null) state.take(entry, record);
  else if (chunk) state.remove(chunk);
}

async function startOf(log: TopicLog, topic: string): Promise<bigint[]> {
  const info = (await log.describe()).find((candidate) => candidate.name === topic);
  if (!info) throw new UserError('no-topic', `topic ${topic}: expected to exist, found none of that name`);
  return info.bounds.map((bound) => bound.start);
}
