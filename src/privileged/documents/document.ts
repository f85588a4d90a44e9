import type { Privileged, PrivilegedKind } from '../../records/records.js';
import type { LogRecord } from '../../topics/log.js';
import { type ChunkPlace, parseChunkKey } from '../records.js';

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

/** A state that follows the topic: each of its document's records is given to it in the order in which they came. */
export interface FollowingState extends DocumentState {
  take(entry: LogRecord, record: Privileged): void;
  /** The text of a chunk was removed. */
  remove(chunk: ChunkPlace): void;
}

type MutableVersion = { -readonly [K in Exclude<keyof DocumentVersion, 'spans'>]: DocumentVersion[K] } & {
  spans: Span[];
};

export function followDocument(id: string): FollowingState {
  let versions: MutableVersion[] = [];
  let current: MutableVersion | null = null;
  const forgotten: string[] = [];
  let deletedAt = -1;
  let updatedAt = -1;

  const settle = (): void => {
    let newest: MutableVersion | null = null;
    for (const version of versions) if (newest === null || version.time >= newest.time) newest = version;
    current = newest !== null && newest.time > deletedAt ? newest : null;
  };

  return {
    id,
    get current() {
      return current;
    },
    get versions() {
      return versions;
    },
    forgotten,
    get updatedAt() {
      return updatedAt;
    },
    take(entry, record) {
      updatedAt = Math.max(updatedAt, record.time);
      if (record.content === null) {
        if (entry.key === id) deletedAt = Math.max(deletedAt, record.time);
        else if (!forgotten.includes(record.version)) forgotten.push(record.version);
        return settle();
      }
      const { itemId, kind, title, label, source, time } = record;
      const stamp = entry.headers.stamp ?? null;
      let version = versions.find((candidate) => candidate.version === record.version);
      if (!version) {
        version = { id, version: record.version, itemId, kind, title, label, source, time, stamp, spans: [] };
        versions.push(version);
      } else if (time >= version.time) Object.assign(version, { title, label, source, time, stamp });
      const span = { start: record.start, end: record.end, partition: entry.partition, offset: entry.offset };
      const at = version.spans.findIndex((other) => other.start >= span.start);
      if (at < 0) version.spans.push(span);
      else version.spans.splice(at, version.spans[at]?.start === span.start ? 1 : 0, span);
      settle();
    },
    remove(chunk) {
      const version = versions.find((candidate) => candidate.version === chunk.version);
      if (!version) return;
      version.spans = version.spans.filter((span) => span.start !== chunk.start);
      if (version.spans.length === 0) versions = versions.filter((candidate) => candidate !== version);
      settle();
    },
  };
}

/** The document of a record of the topic; undefined for a tombstone that is of no chunk. */
export const documentOf = ({ key }: LogRecord, record: Privileged | null): string | undefined =>
  record === null ? parseChunkKey(key)?.id : record.documentId;
