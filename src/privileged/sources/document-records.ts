import type { Privileged } from '../../records/records.js';
import { digest } from '../../support/digest.js';
import { itemRecord } from '../records.js';
import { type ChunkOptions, chunkText } from './chunk.js';
import type { SourceDocument } from './source.js';

/** The records of a document, one per chunk, without their time. */
export function recordsOf(
  document: SourceDocument,
  { source, run, chunk }: { readonly source: string; readonly run: string; readonly chunk: ChunkOptions },
): Privileged[] {
  const { id, itemId, kind, title, text, shape, label } = document;
  if (id === null && itemId !== null)
    return [itemRecord({ run, itemId, kind, content: text, source, time: 0, title, label })];
  const spans = shape === null ? [{ start: 0, end: text.length }] : chunkText(text, shape, chunk);
  const version = digest(text, JSON.stringify(spans.map(({ start }) => start)));
  return spans.map(({ start, end }) => ({
    run,
    documentId: id ?? source,
    itemId,
    kind,
    version,
    title,
    content: text.slice(start, end),
    start,
    end,
    label,
    source,
    time: 0,
  }));
}
