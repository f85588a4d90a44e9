import { codecFor } from '../records/codec.js';
import type { Privileged, PrivilegedKind } from '../records/records.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { required } from '../support/required.js';
import type { Append, LogRecord } from '../topics/log.js';

/** The compacted topic of what only the teacher may see. Grant read access to the teach stage and the ingest alone. */
export const privilegedTopic = 'privileged';

const privilegedCodec = codecFor('privileged');

/**
 * Key of a record in the topic: `id@version#start` for a chunk, `id@version` for a forgotten version, `id` for a
 * deleted document. Chunk keys contain the version, so earlier versions survive compaction and can be replayed until
 * they are forgotten.
 */
export function privilegedKey(documentId: string, version?: string, start?: number): string {
  if (version === undefined) return documentId;
  return start === undefined ? `${documentId}@${version}` : `${documentId}@${version}#${start}`;
}

/** Identifies a chunk: characters from `start` of one version of a document. */
export interface ChunkId {
  readonly id: string;
  readonly version: string;
  readonly start: number;
}

/** The parts of a chunk's key; undefined for the other two kinds of key. */
export function parseChunkKey(key: string): ChunkId | undefined {
  const match = /^(.*)@([0-9a-f]{64})#(\d+)$/s.exec(key);
  if (!match) return undefined;
  const [, id, version, start] = match;
  return { id: required(id, 'document id'), version: required(version, 'version'), start: Number(start) };
}

/** What to append for a record: its key, its encoded value, and its schema's fingerprint as a header. */
export function privilegedAppend(record: Privileged, topic = privilegedTopic): Append {
  const key =
    record.content === null
      ? privilegedKey(record.documentId)
      : privilegedKey(record.documentId, record.version, record.start);
  return { topic, key, value: privilegedCodec.encode(record), headers: { schema: privilegedCodec.fingerprint } };
}

/** Decodes a record of the topic; null for a tombstone, undefined for bytes that are no record of it. */
export function privilegedOf(entry: LogRecord): Privileged | null | undefined {
  if (entry.value === null) return null;
  try {
    return privilegedCodec.decode(entry.value, entry.headers.schema);
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** A reference answer or a worked trace of a prompt item, stored whole as one record. */
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
 * @example itemRecord({ run: 'r1', itemId: 'sum-7', kind: 'trace', content: '3 + 4 = 7', source: 'chain-sum', time: 0
 * })
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
