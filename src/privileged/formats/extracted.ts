/** Where a text is best split: at headings, top-level definitions, lines (rows of a table), or paragraphs. */
export type TextShape = 'headings' | 'code' | 'lines' | 'paragraphs';

/** What a reader of a format returns. */
export interface Content {
  readonly text: string;
  /** Title that the document states itself; undefined where it has none. */
  readonly title: string | undefined;
  /** What was left out although it may matter, such as `2 charts`. */
  readonly omitted?: readonly string[];
}

/** Parts of a document that are read only on request. */
export type OptionalPart = 'comments' | 'headers';

/** Maximum characters of a document. */
export const maxDocumentCharacters = 32 << 20;

/** Maximum depth of elements in HTML, docx and MathML. */
export const maxDepth = 512;
