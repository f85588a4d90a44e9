import { codecFor } from '../records/codec.js';
import type { Privileged, PrivilegedKind } from '../records/records.js';
import { digest } from '../support/digest.js';
import type { Append, LogRecord } from '../topics/log.js';

/** The topic that holds what only the teacher may read. Compacted; grant reading it to the teacher and the ingest alone. */
export const privilegedTopic = 'privileged';

const privilegedCodec = codecFor('privileged');

/**
 * Key of a record in the topic. A chunk's key names its version, so that an earlier version stays readable for a replay until it is
 * forgotten; `id@version` alone is what stays of a forgotten version, `id` alone says that the document was deleted.
 */
export function privilegedKey(documentId: string, version?: string, start?: number): string {
  if (version === undefined) return documentId;
  return start === undefined ? `${documentId}@${version}` : `${documentId}@${version}#${start}`;
}

/** Which chunk of which version of a document. */
export interface ChunkPlace {
  readonly id: string;
  readonly version: string;
  readonly start: number;
}

/** The parts of a chunk's key; undefined for the other two kinds of key. */
export function parseChunkKey(key: string): ChunkPlace | undefined {
  const match = /^(.*)@([0-9a-f]{64})#(\d+)$/s.exec(key);
  if (!match) return undefined;
  return { id: match[1] ?? '', version: match[2] ?? '', start: Number(match[3]) };
}

export function privilegedAppend(record: Privileged, topic = privilegedTopic): Append {
  const key =
    record.content === null
      ? privilegedKey(record.documentId)
      : privilegedKey(record.documentId, record.version, record.start);
  return { topic, key, value: privilegedCodec.encode(record), headers: { schema: privilegedCodec.fingerprint } };
}

/** The record in the log, null for a tombstone. */
export function privilegedOf(entry: LogRecord): Privileged | null {
  return entry.value === null ? null : privilegedCodec.decode(entry.value, entry.headers.schema);
}

/** One whole text as one record: a reference answer or a worked trace of an item. */
export interface ItemContext {
  readonly run: string;
  readonly itemId: string;
  readonly kind: PrivilegedKind;
  readonly content: string;
  readonly source: string;
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly title?: string;
  readonly label?: string | null;
}

/** Document id of an item's reference or trace. */
export const itemDocument = (kind: string, itemId: string | null): string => `${kind}:${itemId}`;

/**
 * The record of an item's reference or trace; its document id is `kind:itemId`.
 * @example itemRecord({ run: 'r1', itemId: 'sum-7', kind: 'trace', content: '3 + 4 = 7', source: 'chain-sum', time: 0 })
 */
export function itemRecord(item: ItemContext): Privileged {
  return {
    run: item.run,
    documentId: itemDocument(item.kind, item.itemId),
    itemId: item.itemId,
    kind: item.kind,
    version: digest(item.content),
    title: item.title ?? '',
    content: item.content,
    start: 0,
    end: item.content.length,
    label: item.label ?? null,
    source: item.source,
    time: item.time,
  };
}
