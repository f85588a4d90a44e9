import { getDocumentProxy } from 'unpdf';
import { at } from '../../support/required.js';
import { encrypted, unreadable } from './errors.js';
import { type Content, maxDocumentCharacters } from './extracted.js';
import { scriptText } from './html/writer.js';
import { tidyTitle } from './titles.js';

/**
 * The text of a PDF, pages separated by a blank line.
 * @throws {UserError} `document-encrypted`, `document-unreadable`
 */
export async function pdfContent(path: string, bytes: Uint8Array): Promise<Content> {
  try {
    // The reader detaches the buffer it gets. Verbosity 0 hides warnings, which may quote the document.
    const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0, isEvalSupported: false });
    try {
      const pages: string[] = [];
      let characters = 0;
      for (let number = 1; number <= document.numPages && characters <= maxDocumentCharacters; number++) {
        const page = await document.getPage(number);
        const { items } = await page.getTextContent();
        const text = pageText(items.filter((item) => 'str' in item));
        page.cleanup();
        pages.push(text);
        characters += text.length;
      }
      return { text: pages.join('\n\n'), title: await titleOf(document) };
    } finally {
      await document.destroy();
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException') throw encrypted(path);
    throw unreadable(path, 'PDF', error);
  }
}

/** A piece of a page's text, as the reader gives it. */
interface Piece {
  readonly str: string;
  readonly hasEOL: boolean;
  /** Font size. */
  readonly height: number;
  /** The last of the six is the height of the base line. */
  readonly transform: readonly number[];
}

/** The text of a page; pieces that are smaller than the one before and set off its line are its scripts. */
export function pageText(pieces: readonly Piece[]): string {
  const parts: string[] = [];
  let line: Piece | undefined;
  for (const [k, piece] of pieces.entries()) {
    const { str, hasEOL } = piece;
    const sign = line && scriptSign(line, piece);
    const next = hasEOL ? '\n' : (pieces[k + 1]?.str ?? '');
    parts.push(sign ? scriptText(sign, str, next) : str, hasEOL ? '\n' : '');
    // A script begins right after the text that it belongs to.
    if (hasEOL || /\s$/.test(str)) line = undefined;
    else if (!sign && str !== '') line = piece;
  }
  return parts.join('');
}

/** Longest script, so that an initial or a title before small text does not make a script of it. */
const SCRIPT_CHARACTERS = 8;

function scriptSign(line: Piece, piece: Piece): '^' | '_' | undefined {
  const size = piece.height / line.height;
  const rise = (at(piece.transform, 5) - at(line.transform, 5)) / line.height;
  if (piece.str.length > SCRIPT_CHARACTERS || !/^[^\s[\](){}]+$/.test(piece.str) || !(size > 0.4 && size < 0.9))
    return undefined;
  return rise > 0.15 && rise < 1 ? '^' : rise < -0.08 && rise > -0.6 ? '_' : undefined;
}

/** The title that the document states, unless a program filled it with a file name. */
async function titleOf(document: { getMetadata(): Promise<{ info: object }> }): Promise<string | undefined> {
  const { info } = await document.getMetadata();
  const title = 'Title' in info && typeof info.Title === 'string' ? tidyTitle(info.Title) : undefined;
  return title === undefined ||
    /^(untitled|microsoft (word|powerpoint) -)|\.(docx?|pptx?|indd|tex|dvi|pdf)$/i.test(title)
    ? undefined
    : title;
}
