import type { PrivilegedKind } from '../../records/records.js';
import { UserError } from '../../support/errors.js';
import type { OptionalPart, TextShape } from '../formats/extracted.js';

/** Files by path or glob, relative to the pipeline's folder. Each is a document, joined by search or by name. */
export interface FileSource {
  readonly files: readonly string[];
  readonly label?: string;
  /** Parts of documents that are otherwise left out. */
  readonly include?: readonly OptionalPart[];
}

/** A CSV or JSON lines file with one row per item; names the columns of its key, reference answer and worked trace. */
export interface KeyedSource {
  readonly keyed: string;
  readonly key: string;
  readonly reference?: string;
  readonly trace?: string;
  readonly label?: string;
}

/**
 * A topic of UTF-8 texts. The newest record of a key counts, and one without a value deletes the document. Optional
 * headers: `title`, `label`, `itemId` and `kind` (reference, trace or document).
 */
export interface TopicSource {
  readonly topic: string;
  readonly label?: string;
}

export type DocumentSource = FileSource | KeyedSource | TopicSource;

/** The name of a source in messages and records. */
export function nameOf(source: DocumentSource): string {
  if ('files' in source) return source.files.join(', ');
  return 'keyed' in source ? source.keyed : `topic ${source.topic}`;
}

/** A text from a source. */
export interface SourceDocument {
  /** Stable name; null for the reference or trace of an item, which is named by kind and item. */
  readonly id: string | null;
  readonly itemId: string | null;
  readonly kind: PrivilegedKind;
  readonly title: string;
  readonly text: string;
  /** null: never split into chunks. */
  readonly shape: TextShape | null;
  readonly label: string | null;
  /** What its reader left out although it may matter, such as `2 charts`. */
  readonly omitted?: readonly string[];
}

/** The unit of reading: a file, or a record of a topic. */
export interface SourceUnit {
  /** Path, or position in a topic, for records and messages. */
  readonly name: string;
  /**
   * Tells without reading whether a unit of one document is unchanged: `mark` (size and times, or an offset) changes
   * whenever the unit does, and only then is `contentHash` computed. null for a unit of several documents, which is
   * always read.
   */
  readonly stamp: { readonly id: string; readonly mark: string; contentHash(): Promise<string> } | null;
  /** Reports problems of single rows; rejects where the whole unit cannot be read. */
  documents(report: (problem: SourceProblem) => void): AsyncIterable<SourceDocument>;
}

/** A document, row or record that could not be read. Names its place without quoting it. */
export interface SourceProblem {
  readonly source: string;
  readonly code: string;
  readonly message: string;
}

/** Describes an error as a problem of a document. @throws {unknown} any error that is not about the document */
export function problemOf(source: string, error: unknown): SourceProblem {
  if (error instanceof UserError) return { source, code: error.code, message: error.message };
  if (error instanceof Error && 'code' in error && 'syscall' in error) {
    return { source, code: 'document-unreadable', message: `${source}: cannot be read (${String(error.code)})` };
  }
  throw error;
}
