import type { DocumentUse } from '../records/records.js';

/** What the teacher is shown for one prompt. */
export interface PrivilegedContext {
  /** One entry a piece of context, in the order in which the template shows them. */
  readonly pieces: readonly PrivilegedPiece[];
}

export interface PrivilegedPiece extends DocumentUse {
  readonly kind: 'reference' | 'trace' | 'document';
  readonly title: string;
  readonly content: string;
}

/** Only the teacher's stage and the ingest hold one. */
export interface PrivilegedStore {
  /**
   * What the teacher is shown for an item. With `asOf`, the `documents` of an earlier teacher score, exactly those versions and spans.
   * @throws {UserError} `no-context` when nothing is found for the item: the teacher must not silently score without context;
   * `context-gone` when a version asked for was forgotten; `label-refused` when a document is marked for another pipeline.
   */
  lookup(itemId: string, question: string, asOf?: readonly DocumentUse[]): Promise<PrivilegedContext>;
}
