import type { DocumentUse } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import { privilegedKey, privilegedOf } from '../records.js';
import type { PrivilegedPiece } from '../store.js';
import type { DocumentVersion, Span } from './document.js';
import { findDocument, notifyFeeds, type TableState } from './table-state.js';

/** See `PrivilegedTable`. */
type Settle = () => Promise<void>;

/** A whole chunk of a document. @throws {UserError} `context-gone` when its text was removed. */
export async function readPiece(
  state: TableState,
  version: DocumentVersion,
  span: Span,
  settle: Settle,
): Promise<PrivilegedPiece> {
  return {
    id: version.id,
    version: version.version,
    start: span.start,
    end: span.end,
    truncated: false,
    kind: version.kind,
    title: version.title,
    content: await readText(state, version, span, settle),
  };
}

/**
 * The part of a document that an earlier record says was shown.
 * @param check may refuse the document, by throwing, before its text is read
 * @throws {UserError} `context-gone` when the version is no longer in the topic
 */
export async function readPieceAsOf(
  state: TableState,
  use: DocumentUse,
  check: (document: DocumentVersion) => void,
  settle: Settle,
): Promise<PrivilegedPiece> {
  if (!(await findVersion(state, use.id, use.version))) await settle();
  const version = await findVersion(state, use.id, use.version);
  const span = version?.spans.find(({ start, end }) => start <= use.start && use.end <= end);
  if (!version || !span) throw await gone(state, use.id, use.version);
  check(version);
  const whole = await readPiece(state, version, span, settle);
  return { ...whole, ...use, content: whole.content.slice(use.start - span.start, use.end - span.start) };
}

async function readText(state: TableState, version: DocumentVersion, span: Span, settle: Settle): Promise<string> {
  const { log, topic, texts, index } = state;
  const key = privilegedKey(version.id, version.version, span.start);
  const cached = texts.get(key);
  if (cached !== undefined) return cached;
  const [entry] = await log.read(topic, span.partition, span.offset, 1);
  const content = entry?.offset === span.offset ? privilegedOf(entry)?.content : undefined;
  if (typeof content === 'string') {
    texts.set(key, content);
    return content;
  }
  // The record moved (written again) or is gone (forgotten) since the table last read the topic.
  await settle();
  const moved = (await findVersion(state, version.id, version.version))?.spans.find(
    ({ start }) => start === span.start,
  );
  if (moved && moved.offset !== span.offset) return readText(state, version, moved, settle);
  const document = await findDocument(state, version.id);
  document?.remove({ id: version.id, version: version.version, start: span.start });
  const row = index.ids.find(version.id);
  if (row !== undefined) notifyFeeds(state, version.id, row);
  throw await gone(state, version.id, version.version);
}

async function findVersion(state: TableState, id: string, version: string): Promise<DocumentVersion | undefined> {
  return (await findDocument(state, id))?.versions.find((candidate) => candidate.version === version);
}

async function gone(state: TableState, id: string, version: string): Promise<UserError> {
  const forgotten = (await findDocument(state, id))?.forgotten.includes(version);
  const why = forgotten ? 'it was forgotten' : `topic ${state.topic} no longer contains it`;
  return new UserError('context-gone', `document ${id}, version ${version.slice(0, 12)}: ${why}`);
}
