import { createReadStream } from 'node:fs';
import { extname, join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import type { PrivilegedKind } from '../../records/records.js';
import { nearest, UserError } from '../../support/errors.js';
import { parseExact, stringifyExact } from '../../support/exact-json.js';
import { maxDocumentCharacters } from './extract.js';
import type { KeyedSource, SourceDocument, SourceProblem, SourceUnit } from './source.js';

/**
 * A CSV, TSV or JSON lines file as one unit, read row by row.
 * @throws {UserError} `source-field` for a source without columns
 */
export function keyedUnit(source: KeyedSource, folder: string): SourceUnit {
  const columns = (['reference', 'trace'] as const).flatMap((kind) => {
    const column = source[kind];
    return column === undefined ? [] : [{ kind, column }];
  });
  if (columns.length === 0) {
    throw new UserError('source-field', `${source.keyed}: found no column, expected reference, trace or both`);
  }
  const path = join(folder, source.keyed);
  return {
    name: source.keyed,
    stamp: null,
    async *documents(report) {
      for await (const { line, row } of rows(path, source.keyed, report)) {
        yield* rowDocuments(source, columns, line, row, report);
      }
    },
  };
}

type Row = Readonly<Record<string, unknown>>;

function* rowDocuments(
  source: KeyedSource,
  columns: readonly { readonly kind: PrivilegedKind; readonly column: string }[],
  line: number,
  row: Row,
  report: (problem: SourceProblem) => void,
): Generator<SourceDocument> {
  const place = `${source.keyed}:${line}`;
  const text = (column: string): string | undefined => {
    const value = row[column];
    if (value !== undefined && value !== null && value !== '') {
      return typeof value === 'string' ? value : stringifyExact(value);
    }
    const meant = nearest(
      column,
      Object.keys(row).filter((name) => name !== column),
    );
    const found = column in row ? 'is empty' : 'is missing';
    const message = `${place}: field ${column} ${found}${meant && !(column in row) ? `; did you mean ${meant}?` : ''}`;
    report({ source: source.keyed, code: 'source-field', message });
    return undefined;
  };
  const itemId = text(source.key);
  if (itemId === undefined) return;
  for (const { kind, column } of columns) {
    const content = text(column);
    if (content === undefined) continue;
    yield { id: null, itemId, kind, title: '', text: content, shape: null, label: source.label ?? null };
  }
}

async function* rows(
  path: string,
  name: string,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<{ readonly line: number; readonly row: Row }> {
  const extension = extname(path).toLowerCase();
  if (extension === '.csv' || extension === '.tsv') yield* csvRows(path, name, extension === '.tsv' ? '\t' : ',');
  else if (extension === '.jsonl' || extension === '.ndjson') yield* jsonRows(path, name, report);
  else
    throw new UserError(
      'source-format',
      `${name}: found the extension ${extension || '(none)'}, expected .csv, .tsv, .jsonl or .ndjson`,
    );
}

async function* csvRows(path: string, name: string, delimiter: string): AsyncGenerator<{ line: number; row: Row }> {
  const parser = parse({
    delimiter,
    columns: true,
    bom: true,
    info: true,
    skip_empty_lines: true,
    max_record_size: maxDocumentCharacters,
  });
  // The parser passes errors of the file on to the loop below.
  pipeline(Readable.from(utf8(path, name)), parser, () => undefined);
  try {
    for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: Row }>) {
      yield { line: info.lines, row: record };
    }
  } catch (error) {
    // The parser's message may quote the row; its code and line number do not.
    if (!(error instanceof CsvError)) throw error;
    if (error.code === 'CSV_MAX_RECORD_SIZE')
      throw new UserError(
        'document-huge',
        `${name}:${Number(error.lines)}: found a row of more than ${maxDocumentCharacters} characters; check for an unclosed quotation mark`,
      );
    throw new UserError('source-format', `${name}:${Number(error.lines)}: not valid CSV (${error.code})`);
  }
}

async function* jsonRows(
  path: string,
  name: string,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<{ line: number; row: Row }> {
  let line = 0;
  for await (const text of linesOf(utf8(path, name), name)) {
    line++;
    if (text.trim() === '') continue;
    const row = jsonObject(text.replace(/^\uFEFF/, ''));
    if (row) yield { line, row };
    else report({ source: name, code: 'source-format', message: `${name}:${line}: not a JSON object` });
  }
}

function jsonObject(text: string): Row | undefined {
  try {
    const value = parseExact(text, { keep: 'digits' });
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Row) : undefined;
  } catch {
    return undefined;
  }
}

/** Decodes a file piece by piece. @throws {UserError} `document-encoding` where it is not UTF-8 */
async function* utf8(path: string, name: string): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const bytes of createReadStream(path) as AsyncIterable<Buffer>)
      yield decoder.decode(bytes, { stream: true });
    yield decoder.decode();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UserError('document-encoding', `${name}: found bytes that are not UTF-8, expected UTF-8`);
  }
}

/** Splits pieces of text into lines. @throws {UserError} `document-huge` for a line over `maxDocumentCharacters` */
async function* linesOf(pieces: AsyncIterable<string>, name: string): AsyncGenerator<string> {
  let line = 1;
  let parts: string[] = [];
  let length = 0;
  const joined = (): string => parts.join('').replace(/\r$/, '');
  for await (const piece of pieces) {
    const [first = '', ...others] = piece.split('\n');
    parts.push(first);
    length += first.length;
    for (const next of others) {
      yield joined();
      line++;
      parts = [next];
      length = next.length;
    }
    if (length > maxDocumentCharacters)
      throw new UserError(
        'document-huge',
        `${name}:${line}: found a line of more than ${maxDocumentCharacters} characters`,
      );
  }
  if (length > 0) yield joined();
}
