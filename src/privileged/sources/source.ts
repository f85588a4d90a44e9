import type { PrivilegedKind } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { TextShape } from './extract.js';

/** Files by path or glob, relative to the pipeline's folder: each becomes a document that is joined by search or by name. */
export interface FileSource {
  readonly files: readonly string[];
  readonly label?: string;
}

/** A CSV or JSON lines file with a row a prompt item: the columns of its key, its reference answer and its worked trace. */
export interface KeyedSource {
  readonly keyed: string;
  readonly key: string;
  readonly reference?: string;
  readonly trace?: string;
  readonly label?: string;
}

/**
 * A topic whose values are UTF-8 texts, by key. The headers `title`, `label`, `itemId` and `kind` (reference, trace or document) are
 * used where set; the newest record of a key counts, and a record without a value deletes the document.
 */
export interface TopicSource {
  readonly topic: string;
  readonly label?: string;
}

export type DocumentSource = FileSource | KeyedSource | TopicSource;

/** What a source is called in messages and records: its paths, its file, or its topic. */
export function nameOf(source: DocumentSource): string {
  if ('files' in source) return source.files.join(', ');
  return 'keyed' in source ? source.keyed : `topic ${source.topic}`;
}

/** A text as a source gives it. */
export interface SourceDocument {
  /** Stable name; null for an item's reference or trace, whose name follows from kind and item. */
  readonly id: string | null;
  readonly itemId: string | null;
  readonly kind: PrivilegedKind;
  readonly title: string;
  readonly text: string;
  /** null: shown whole, never divided. */
  readonly shape: TextShape | null;
  readonly label: string | null;
}

/** What is read at once: a file, or a record of a topic. */
export interface SourceUnit {
  /** Path or topic position, for records and messages. */
  readonly name: string;
  /**
   * How a unit of one document is known to be unchanged without reading it; null for a unit of many, which is always read.
   * `id` is the document's, `mark` changes whenever the unit does: size and times, or an offset. `contentHash` is asked for when the mark changed.
   */
  readonly stamp: { readonly id: string; readonly mark: string; contentHash(): Promise<string> } | null;
  /** Problems of single rows go to `report`; a rejection is the whole unit's. */
  documents(report: (problem: SourceProblem) => void): AsyncIterable<SourceDocument>;
}

/** A document, row or record that could not be read. Names the place, quotes nothing. */
export interface SourceProblem {
  readonly source: string;
  readonly code: string;
  readonly message: string;
}

/** @throws {unknown} what is no problem of the document: such an error is the program's own. */
export function problemOf(source: string, error: unknown): SourceProblem {
  if (error instanceof UserError) return { source, code: error.code, message: error.message };
  if (error instanceof Error && 'code' in error && 'syscall' in error) {
    return { source, code: 'document-unreadable', message: `${source}: cannot be read (${String(error.code)})` };
  }
  throw error;
}
