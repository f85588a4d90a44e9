import { tooLong } from '../errors.js';
import { maxDocumentCharacters } from '../extracted.js';

/** A cell of a table: one line of text, and how many columns and rows it spans. */
export interface Cell {
  readonly text: string;
  readonly columns: number;
  /** 0: to the last row. */
  readonly rows: number;
}

const SEPARATOR = ' | ';

/**
 * Lays out a table, one row per line. What spans several rows or columns is repeated in each, so that every row can be
 * read alone; a cell is as wide as the row with the most cells leaves room for.
 * @param path for the message of a table that is too long
 * @throws {UserError} `document-huge`
 */
export function tableLines(path: string, rows: readonly (readonly Cell[])[]): string[] {
  const widest = rows.reduce((most, { length }) => Math.max(most, length), 0);
  const lines: string[] = [];
  let above: { readonly text: string; left: number }[] = [];
  let characters = 0;
  for (const [r, row] of rows.entries()) {
    const texts: string[] = [];
    const below: typeof above = [];
    let spare = row.length > 1 ? widest - row.length : 0;
    const put = (text: string, left: number): void => {
      characters += text.length + SEPARATOR.length;
      if (characters > maxDocumentCharacters) throw tooLong(path);
      below[texts.length] = { text, left };
      texts.push(text);
    };
    const carry = (): void => {
      for (let over = above[texts.length]; over && over.left > 0; over = above[texts.length])
        put(over.text, over.left - 1);
    };
    for (const { text, columns, rows: span } of row) {
      carry();
      const width = Math.max(1, Math.min(columns, 1 + spare));
      spare -= width - 1;
      const left = span === 0 ? rows.length - r - 1 : span - 1;
      for (let k = 0; k < width; k++) put(text, left);
    }
    carry();
    above = below;
    while (texts.at(-1) === '') texts.pop();
    if (texts.length > 0) lines.push(texts.join(SEPARATOR).trim());
  }
  return lines;
}
