import { UserError } from '../errors.js';
import type { LogRecord, TopicLog } from '../topics/log.js';
import type { DocumentUse, PrivilegedKind } from '../topics/records.js';
import { textCache } from './lru.js';
import { parseChunkKey, privilegedKey, privilegedOf, privilegedTopic } from './records.js';
import type { PrivilegedPiece } from './store.js';

/** One chunk's place: characters `start` to `end` of its document's text, kept in the topic at `offset`. */
export interface Span {
  readonly start: number;
  readonly end: number;
  readonly partition: number;
  readonly offset: bigint;
}

/** One version of a document, without its text. */
export interface DocumentVersion {
  readonly id: string;
  readonly version: string;
  readonly itemId: string | null;
  readonly kind: PrivilegedKind;
  readonly title: string;
  readonly label: string | null;
  readonly source: string;
  /** When it was read, in milliseconds since the epoch. */
  readonly time: number;
  /** What its source wrote beside it to know it again; null for records that no ingest made. */
  readonly stamp: string | null;
  /** In the order of the text. */
  readonly spans: readonly Span[];
}

/** A document's state: its versions, and which of them is current; null once the document was deleted or forgotten. */
export interface DocumentState {
  readonly id: string;
  readonly current: DocumentVersion | null;
  readonly versions: readonly DocumentVersion[];
  /** Hashes of the versions whose text was removed. */
  readonly forgotten: readonly string[];
  /** Newest time of its records. */
  readonly updatedAt: number;
}

/** The topic as a table. It holds where each text is, not the texts: these are read when asked for and kept in a bounded cache. */
export interface PrivilegedTable {
  /** Follows the topic to its present end. */
  catchUp(): Promise<void>;
  /** A feed of changes: each call returns the ids of the documents that changed since the call before, the first one all. */
  changes(): () => readonly string[];
  document(id: string): DocumentState | undefined;
  documents(): Iterable<DocumentState>;
  /** Current documents of a prompt item, by id. */
  ofItem(itemId: string): readonly DocumentVersion[];
  /** Ids of the item documents of a kind that share the partition of `id`, in the order in which they came, `id` among them. */
  neighbours(id: string): readonly string[];
  piece(document: DocumentVersion, span: Span): Promise<PrivilegedPiece>;
  /**
   * What an earlier record says was shown. `check` may refuse the document before it is read.
   * @throws {UserError} `context-gone` when the version is not in the topic any more.
   */
  pieceAsOf(use: DocumentUse, check: (document: DocumentVersion) => void): Promise<PrivilegedPiece>;
}

interface MutableVersion extends DocumentVersion {
  time: number;
  title: string;
  label: string | null;
  source: string;
  stamp: string | null;
  spans: Span[];
}

interface MutableState {
  id: string;
  current: MutableVersion | null;
  versions: MutableVersion[];
  forgotten: string[];
  deletedAt: number;
  updatedAt: number;
  partition: number;
}

/** Records read from the topic at once. */
const batch = 1000;

/**
 * Opens the table over a topic that exists, and reads it to its end.
 * Memory: about half a kilobyte a chunk, and `cacheCharacters` of text.
 */
export async function privilegedTable(
  log: TopicLog,
  { topic = privilegedTopic, cacheCharacters = 32 << 20 }: { topic?: string; cacheCharacters?: number } = {},
): Promise<PrivilegedTable> {
  const next: bigint[] = await startOf(log, topic);
  const states = new Map<string, MutableState>();
  const byItem = new Map<string, Set<string>>();
  const orders = new Map<string, string[]>();
  const feeds: Set<string>[] = [];
  const cache = textCache(cacheCharacters);

  const stateOf = (id: string, partition: number): MutableState => {
    const known = states.get(id);
    if (known) return known;
    const state = { id, current: null, versions: [], forgotten: [], deletedAt: -1, updatedAt: -1, partition };
    states.set(id, state);
    return state;
  };

  const settle = (state: MutableState): void => {
    const newest = state.versions.reduce<MutableVersion | null>(
      (best, version) => (best === null || version.time >= best.time ? version : best),
      null,
    );
    state.current = newest !== null && newest.time > state.deletedAt ? newest : null;
  };

  const removeChunk = (key: string): string | undefined => {
    const parts = parseChunkKey(key);
    const state = parts && states.get(parts.id);
    const version = state?.versions.find((candidate) => candidate.version === parts?.version);
    cache.delete(key);
    if (!parts || !state || !version) return undefined;
    version.spans = version.spans.filter((span) => span.start !== parts.start);
    if (version.spans.length === 0) state.versions = state.versions.filter((candidate) => candidate !== version);
    settle(state);
    return state.id;
  };

  const take = (entry: LogRecord): string | undefined => {
    const record = privilegedOf(entry);
    if (record === null) return removeChunk(entry.key);
    const state = stateOf(record.documentId, entry.partition);
    state.updatedAt = Math.max(state.updatedAt, record.time);
    if (record.content === null) {
      if (entry.key === record.documentId) state.deletedAt = Math.max(state.deletedAt, record.time);
      else if (!state.forgotten.includes(record.version)) state.forgotten.push(record.version);
      settle(state);
      return state.id;
    }
    const { itemId, kind, title, label, source, time } = record;
    const stamp = entry.headers.stamp ?? null;
    let version = state.versions.find((candidate) => candidate.version === record.version);
    if (!version) {
      version = { id: state.id, version: record.version, itemId, kind, title, label, source, time, stamp, spans: [] };
      state.versions.push(version);
      if (itemId !== null) remember(itemId, kind, state);
    } else if (time >= version.time) Object.assign(version, { title, label, source, time, stamp });
    // It was read for its place; whoever asks for the text next need not read it again.
    cache.set(entry.key, record.content);
    const span = { start: record.start, end: record.end, partition: entry.partition, offset: entry.offset };
    const at = version.spans.findIndex((other) => other.start >= span.start);
    if (at < 0) version.spans.push(span);
    else version.spans.splice(at, version.spans[at]?.start === span.start ? 1 : 0, span);
    settle(state);
    return state.id;
  };

  const remember = (itemId: string, kind: PrivilegedKind, state: MutableState): void => {
    const ids = byItem.get(itemId) ?? new Set();
    byItem.set(itemId, ids);
    if (ids.has(state.id)) return;
    ids.add(state.id);
    const order = `${kind}/${state.partition}`;
    const list = orders.get(order);
    if (list) list.push(state.id);
    else orders.set(order, [state.id]);
  };

  const readOn = async (): Promise<void> => {
    for (let partition = 0; partition < next.length; partition++) {
      for (;;) {
        const records = await log.read(topic, partition, next[partition] ?? 0n, batch);
        for (const record of records) {
          const id = take(record);
          if (id !== undefined) for (const feed of feeds) feed.add(id);
        }
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

  const gone = (id: string, version: string): UserError => {
    const state = states.get(id);
    const why = state?.forgotten.includes(version) ? 'it was forgotten' : 'the topic does not hold it any more';
    return new UserError('context-gone', `document ${id}, version ${version.slice(0, 12)}: ${why}`);
  };

  const text = async (document: DocumentVersion, span: Span): Promise<string> => {
    const key = privilegedKey(document.id, document.version, span.start);
    const cached = cache.get(key);
    if (cached !== undefined) return cached;
    const [entry] = await log.read(topic, span.partition, span.offset, 1);
    const content = entry?.offset === span.offset ? privilegedOf(entry)?.content : undefined;
    if (typeof content === 'string') {
      cache.set(key, content);
      return content;
    }
    // The record moved (written again) or went (forgotten) since the table last looked.
    await catchUp();
    const moved = find(document.id, document.version)?.spans.find((other) => other.start === span.start);
    if (!moved || moved.offset === span.offset) {
      const id = removeChunk(key);
      if (id !== undefined) for (const feed of feeds) feed.add(id);
      throw gone(document.id, document.version);
    }
    return text(document, moved);
  };

  const find = (id: string, version: string): DocumentVersion | undefined =>
    states.get(id)?.versions.find((candidate) => candidate.version === version);

  const piece = async (document: DocumentVersion, span: Span): Promise<PrivilegedPiece> => ({
    id: document.id,
    version: document.version,
    start: span.start,
    end: span.end,
    truncated: false,
    kind: document.kind,
    title: document.title,
    content: await text(document, span),
  });

  await catchUp();
  return {
    catchUp,
    changes: () => {
      const feed = new Set(states.keys());
      feeds.push(feed);
      return () => {
        const ids = [...feed];
        feed.clear();
        return ids;
      };
    },
    document: (id) => states.get(id),
    documents: () => states.values(),
    ofItem: (itemId) =>
      [...(byItem.get(itemId) ?? [])]
        .map((id) => states.get(id)?.current)
        .filter((document) => document?.itemId === itemId)
        .filter((document) => document !== null && document !== undefined)
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
    neighbours: (id) => {
      const state = states.get(id);
      return (state?.current && orders.get(`${state.current.kind}/${state.partition}`)) ?? [];
    },
    piece,
    async pieceAsOf(use, check) {
      if (!find(use.id, use.version)) await catchUp();
      const document = find(use.id, use.version);
      const span = document?.spans.find(({ start, end }) => start <= use.start && use.end <= end);
      if (!document || !span) throw gone(use.id, use.version);
      check(document);
      const whole = await piece(document, span);
      return { ...whole, ...use, content: whole.content.slice(use.start - span.start, use.end - span.start) };
    },
  };
}

async function startOf(log: TopicLog, topic: string): Promise<bigint[]> {
  const info = (await log.describe()).find((candidate) => candidate.name === topic);
  if (!info) throw new UserError('no-topic', `topic ${topic}: expected to exist, found none of that name`);
  return info.bounds.map((bound) => bound.start);
}
