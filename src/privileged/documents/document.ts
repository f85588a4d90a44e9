import type { Privileged, PrivilegedKind } from '../../records/records.js';
import { required } from '../../support/required.js';
import type { LogRecord } from '../../topics/log.js';
import { type ChunkId, parseChunkKey } from '../records.js';

/** A chunk: characters `start` to `end` of its document's text, and the record that contains them. */
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
  /** What its source uses to tell whether the document changed; null for records that no ingest wrote. */
  readonly stamp: string | null;
  /** In text order. */
  readonly spans: readonly Span[];
}

/** All versions of a document. */
export interface DocumentState {
  readonly id: string;
  /** Null once the document was deleted or forgotten. */
  readonly current: DocumentVersion | null;
  readonly versions: readonly DocumentVersion[];
  /** Hashes of the versions whose text was removed. */
  readonly forgotten: readonly string[];
  /** Newest time of its records, in milliseconds since the epoch; -1 without a record. */
  readonly updatedAt: number;
}

/** A document's state that is updated record by record, in topic order. */
export interface DocumentFold extends DocumentState {
  take(entry: LogRecord, record: Privileged): void;
  /** Removes a chunk whose record is gone. */
  remove(chunk: ChunkId): void;
}

type MutableVersion = { -readonly [K in Exclude<keyof DocumentVersion, 'spans'>]: DocumentVersion[K] } & {
  spans: Span[];
};

export function documentFold(id: string): DocumentFold {
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
      placeSpan(version.spans, {
        start: record.start,
        end: record.end,
        partition: entry.partition,
        offset: entry.offset,
      });
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

/** Inserts a span in text order; a span with the same start is replaced. */
function placeSpan(spans: Span[], span: Span): void {
  const at = spans.findIndex((other) => other.start >= span.start);
  if (at < 0) spans.push(span);
  else spans.splice(at, spans[at]?.start === span.start ? 1 : 0, span);
}

/** The document that a record belongs to; undefined for a tombstone whose key is not a chunk's. */
export const documentOf = ({ key }: LogRecord, record: Privileged | null | undefined): string | undefined =>
  record === null ? parseChunkKey(key)?.id : record?.documentId;

/**
 * The record that deletes a document: no content, and the hash of the newest version.
 * @throws {Error} for a document that never had a version
 */
export function deletion(run: string, { id, current, versions, forgotten }: DocumentState, time: number): Privileged {
  const last = current ?? versions.at(-1);
  return {
    run,
    documentId: id,
    itemId: last?.itemId ?? null,
    kind: last?.kind ?? 'document',
    version: required(last?.version ?? forgotten.at(-1), `version of document ${id}`),
    title: '',
    content: null,
    start: 0,
    end: 0,
    label: last?.label ?? null,
    source: last?.source ?? '',
    time,
  };
}
