import type { DocumentUse } from '../records/records.js';

/** What the teacher is shown for one prompt. */
export interface PrivilegedContext {
  /** In the order in which the template shows them. */
  readonly pieces: readonly PrivilegedPiece[];
}

/** A part of a document, with its text. */
export interface PrivilegedPiece extends DocumentUse {
  readonly kind: 'reference' | 'trace' | 'document';
  readonly title: string;
  readonly content: string;
}

/** Looks up privileged context. Only the teach stage has one. */
export interface PrivilegedStore {
  /**
   * What the teacher is shown for an item.
   * @param question the student's last user message, which searches look for
   * @param asOf the `documents` of an earlier teacher score: exactly those versions and spans are returned
   * @throws {UserError} `no-context` when nothing is found: the teacher must not silently score without context;
   * `context-gone` when a version in `asOf` was forgotten; `label-refused` when a document has a label that this
   * pipeline may not read
   */
  lookup(itemId: string, question: string, asOf?: readonly DocumentUse[]): Promise<PrivilegedContext>;
}
