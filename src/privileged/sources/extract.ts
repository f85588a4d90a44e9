import { basename, extname } from 'node:path';
import type { FormatCallback } from 'html-to-text';
import { UserError } from '../../support/errors.js';

/** Where a text is best split: at headings, top-level definitions, lines (rows of a table), or paragraphs. */
export type TextShape = 'headings' | 'code' | 'lines' | 'paragraphs';

export interface Extracted {
  readonly title: string;
  readonly text: string;
  readonly shape: TextShape;
}

/** Maximum characters of a document. */
export const maxDocumentCharacters = 32 << 20;

const shapes: Readonly<Record<string, TextShape>> = {
  ...Object.fromEntries(
    ['.md', '.markdown', '.mdx', '.html', '.htm', '.xhtml', '.docx'].map((name) => [name, 'headings']),
  ),
  ...Object.fromEntries(
    ['.csv', '.tsv', '.jsonl', '.ndjson', '.json', '.yaml', '.yml', '.log'].map((name) => [name, 'lines']),
  ),
  ...Object.fromEntries(
    '.c .cc .cpp .cs .go .h .hpp .java .js .jsx .kt .mjs .cjs .php .py .r .rb .rs .scala .sh .sql .swift .ts .tsx'
      .split(' ')
      .map((name) => [name, 'code']),
  ),
};

/**
 * Extracts the text of a file by its extension: Markdown, HTML, PDF, docx, tables, JSON lines, source code, and plain
 * text for any other. Line ends become \n.
 * @throws {UserError} `document-encrypted`, `document-unreadable`, `document-encoding`, `document-binary`,
 * `document-empty` or
 * `document-huge`; no message quotes the document
 */
export async function extractText(path: string, bytes: Uint8Array): Promise<Extracted> {
  const extension = extname(path).toLowerCase();
  const raw = await textOf(path, extension, bytes);
  const text = raw.replace(/\r\n?/g, '\n');
  if (text.length > maxDocumentCharacters) {
    throw new UserError(
      'document-huge',
      `${path}: ${text.length} characters, expected at most ${maxDocumentCharacters}`,
    );
  }
  if (text.trim() === '') {
    const hint = extension === '.pdf' ? ' (a scan contains only images; run it through OCR first)' : '';
    throw new UserError('document-empty', `${path}: found no text${hint}`);
  }
  return { title: titleOf(extension, text) ?? basename(path), text, shape: shapes[extension] ?? 'paragraphs' };
}

async function textOf(path: string, extension: string, bytes: Uint8Array): Promise<string> {
  switch (extension) {
    case '.pdf':
      return await pdfText(path, bytes);
    case '.docx':
      return await docxText(path, bytes);
    case '.html':
    case '.htm':
    case '.xhtml':
      return await htmlText(decode(path, bytes));
    default:
      return decode(path, bytes);
  }
}

/** UTF-8, or UTF-16 with a byte order mark. */
function decode(path: string, bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  let text: string;
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    throw new UserError(
      'document-encoding',
      `${path}: found bytes that are not ${encoding.toUpperCase()}, expected UTF-8`,
    );
  }
  if (text.includes('\0')) throw new UserError('document-binary', `${path}: found NUL bytes, expected text`);
  return text;
}

const heading: FormatCallback = (element, walk, builder) => {
  builder.openBlock({ leadingLineBreaks: 2 });
  builder.addInline(`${'#'.repeat(Number(element.name?.slice(1)))} `);
  walk(element.children, builder);
  builder.closeBlock({ trailingLineBreaks: 2 });
};

// The readers of documents are large: each is loaded when the first document of its kind is read.

async function htmlText(html: string): Promise<string> {
  const { convert } = await import('html-to-text');
  return convert(html, {
    wordwrap: false,
    limits: { maxInputLength: maxDocumentCharacters },
    formatters: { heading },
    selectors: [
      { selector: 'a', options: { ignoreHref: true } },
      { selector: 'img', format: 'skip' },
      { selector: 'table', format: 'dataTable', options: { uppercaseHeaderCells: false } },
      ...['h1', 'h2', 'h3', 'h4', 'h5', 'h6'].map((selector) => ({ selector, format: 'heading' })),
    ],
  });
}

async function pdfText(path: string, bytes: Uint8Array): Promise<string> {
  const { getDocumentProxy } = await import('unpdf');
  try {
    // The reader detaches the buffer it gets. Verbosity 0 hides warnings, which may quote the document.
    const document = await getDocumentProxy(new Uint8Array(bytes), { verbosity: 0, isEvalSupported: false });
    try {
      const pages: string[] = [];
      let characters = 0;
      for (let number = 1; number <= document.numPages && characters <= maxDocumentCharacters; number++) {
        const page = await document.getPage(number);
        const { items } = await page.getTextContent();
        const text = items.map((item) => ('str' in item ? item.str + (item.hasEOL ? '\n' : '') : '')).join('');
        page.cleanup();
        pages.push(text);
        characters += text.length;
      }
      return pages.join('\n\n');
    } finally {
      await document.destroy();
    }
  } catch (error) {
    if (error instanceof Error && error.name === 'PasswordException') throw encrypted(path);
    throw unreadable(path, 'PDF', error);
  }
}

/** First bytes of a compound file, which Word writes instead of a zip for a document with a password. */
const compoundFile = [0xd0, 0xcf, 0x11, 0xe0];

async function docxText(path: string, bytes: Uint8Array): Promise<string> {
  if (compoundFile.every((byte, k) => bytes[k] === byte)) throw encrypted(path);
  const { default: mammoth } = await import('mammoth');
  try {
    const { value } = await mammoth.convertToHtml(
      { buffer: Buffer.from(bytes) },
      { styleMap: ["p[style-name='Title'] => h1:fresh"] },
    );
    return await htmlText(value);
  } catch (error) {
    throw unreadable(path, 'docx', error);
  }
}

function encrypted(path: string): UserError {
  return new UserError(
    'document-encrypted',
    `${path}: found a password-protected document, expected one without a password`,
  );
}

/** Gives only the name of the reader's error, since its message may quote the document. */
function unreadable(path: string, format: string, error: unknown): UserError {
  const name = error instanceof Error ? error.name : 'error';
  return new UserError('document-unreadable', `${path}: damaged, or not a ${format} file (${name})`);
}

function titleOf(extension: string, text: string): string | undefined {
  if (shapes[extension] !== 'headings') return undefined;
  return /^#{1,6}[ \t]+(.+?)[ \t#]*$/m.exec(text)?.[1]?.slice(0, 200);
}
