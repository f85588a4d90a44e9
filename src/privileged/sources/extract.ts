import { basename, extname } from 'node:path';
import { UserError } from '../../support/errors.js';
import { declaredEncoding, decode } from '../formats/decode.js';
import { tooLong } from '../formats/errors.js';
import { type Content, maxDocumentCharacters, type OptionalPart, type TextShape } from '../formats/extracted.js';
import { markdownTitle } from '../formats/titles.js';
import { refuseUnsupported } from '../formats/unsupported.js';

export interface Extracted {
  readonly title: string;
  readonly text: string;
  readonly shape: TextShape;
  /** What was left out although it may matter, such as `2 charts`. */
  readonly omitted?: readonly string[];
}

const markdown = ['.md', '.markdown', '.mdx'];
const html = ['.html', '.htm', '.xhtml'];

const shapes: Readonly<Record<string, TextShape>> = {
  ...Object.fromEntries([...markdown, ...html, '.docx'].map((name) => [name, 'headings'])),
  ...Object.fromEntries(
    ['.csv', '.tsv', '.jsonl', '.ndjson', '.json', '.yaml', '.yml', '.log'].map((name) => [name, 'lines']),
  ),
  ...Object.fromEntries(
    '.c .cc .cpp .cs .go .h .hpp .java .js .jsx .kt .mjs .cjs .php .py .r .rb .rs .scala .sh .sql .swift .ts .tsx'
      .split(' ')
      .map((name) => [name, 'code']),
  ),
};

type ReadFormat = (path: string, bytes: Uint8Array, include: readonly OptionalPart[]) => Promise<Content> | Content;

const readHtml = async (): Promise<ReadFormat> => {
  const { htmlContent } = await import('../formats/html/html.js');
  return (path, bytes) => htmlContent(path, decode(path, bytes, declaredEncoding));
};

/**
 * Formats that need a parser, which can take long, or much memory, for a small file. Parsers are large: each is loaded
 * when the first document of its kind is read. Everything else is read in linear time.
 */
const readers: Readonly<Record<string, () => Promise<ReadFormat>>> = {
  ...Object.fromEntries(html.map((name) => [name, readHtml])),
  '.docx': async () => {
    const { docxContent } = await import('../formats/docx/docx.js');
    return docxContent;
  },
  '.pdf': async () => {
    const { pdfContent } = await import('../formats/pdf.js');
    return pdfContent;
  },
};

/** Loads what reads a file; undefined for a format that needs no parser. */
export const loadReader = (path: string): Promise<ReadFormat> | undefined => readers[extname(path).toLowerCase()]?.();

/** Whether a file is better read in a process that can be ended. */
export const needsReader = (path: string): boolean => extname(path).toLowerCase() in readers;

/**
 * Extracts the text of a file by its extension: Markdown, HTML, PDF, docx, tables, JSON lines, source code, and plain
 * text for any other. Line ends become \n.
 * @param include parts of a document that are otherwise left out
 * @throws {UserError} `document-format`, `document-encrypted`, `document-unreadable`, `document-encoding`,
 * `document-binary`, `document-empty` or `document-huge`; no message quotes the document
 */
export async function extractText(
  path: string,
  bytes: Uint8Array,
  include: readonly OptionalPart[] = [],
): Promise<Extracted> {
  const extension = extname(path).toLowerCase();
  const content = await contentOf(path, extension, bytes, include);
  const text = content.text.replace(/\r\n?/g, '\n');
  if (text.length > maxDocumentCharacters) throw tooLong(path, String(text.length));
  if (text.trim() === '') {
    const hint = extension === '.pdf' ? ' (a scan contains only images; run it through OCR first)' : '';
    throw new UserError('document-empty', `${path}: found no text${hint}`);
  }
  const { title = basename(path), omitted = [] } = content;
  return { title, text, shape: shapes[extension] ?? 'paragraphs', ...(omitted.length > 0 && { omitted }) };
}

async function contentOf(
  path: string,
  extension: string,
  bytes: Uint8Array,
  include: readonly OptionalPart[],
): Promise<Content> {
  refuseUnsupported(path, bytes);
  const read = await loadReader(path);
  if (read) return read(path, bytes, include);
  const text = decode(path, bytes, extension === '.xml' ? declaredEncoding : undefined);
  return { text, title: markdown.includes(extension) ? markdownTitle(text.replace(/\r\n?/g, '\n')) : undefined };
}
