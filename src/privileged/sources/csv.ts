import { extname } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { nearest, UserError } from '../../support/errors.js';
import { maxDocumentCharacters } from '../formats/extracted.js';
import { decodedPieces } from './pieces.js';
import type { SourceProblem } from './source.js';

type Row = Readonly<Record<string, unknown>>;

interface Parsed {
  readonly info: { readonly lines: number };
  readonly record: readonly string[];
}

/**
 * Rows of a CSV or TSV file by column. A row with more or fewer fields than the header is reported, and the rest
 * is read.
 * @param used columns that must be in the header, once
 * @throws {UserError} `source-field` for the header, `source-format`, `document-huge`, `document-encoding`
 */
export async function* csvRows(
  path: string,
  name: string,
  used: readonly string[],
  report: (problem: SourceProblem) => void,
): AsyncGenerator<{ readonly line: number; readonly row: Row }> {
  let header: readonly string[] | undefined;
  for await (const { info, record } of parsedRows(path, name)) {
    if (!header) {
      header = record;
      const [problem] = headerProblems(header, used);
      if (problem !== undefined) throw new UserError('source-field', `${name}:${info.lines}: ${problem}`);
    } else if (record.length !== header.length) {
      const found = `found ${record.length} ${record.length === 1 ? 'field' : 'fields'}`;
      const message = `${name}:${info.lines}: ${found}, expected ${header.length} as in the header`;
      report({ source: name, code: 'source-format', message });
    } else yield { line: info.lines, row: Object.fromEntries(header.map((column, k) => [column, record[k]])) };
  }
  if (!header) throw new UserError('document-empty', `${name}: found no header, expected a row of column names`);
}

/** The columns of a CSV or TSV file; empty for an empty file. @throws {UserError} as `csvRows` */
export async function csvHeader(path: string, name: string): Promise<readonly string[]> {
  for await (const { record } of parsedRows(path, name)) return record;
  return [];
}

/** What is wrong with a header: used columns that are missing or there twice. Quotes nothing but near names. */
export function headerProblems(header: readonly string[], used: readonly string[]): string[] {
  return used.flatMap((column) => {
    const count = header.filter((name) => name === column).length;
    if (count === 1) return [];
    if (count > 1) return [`column ${column} is there ${count} times, expected once`];
    const near = nearest(column, header);
    // Without a header, the first line is privileged text: quote only a name that is close to the expected one.
    return [
      `no column ${column}; ` +
        `${near ? `did you mean ${near}?` : `expected one of the ${header.length} columns in its first line`}`,
    ];
  });
}

async function* parsedRows(path: string, name: string): AsyncGenerator<Parsed> {
  const parser = parse({
    delimiter: extname(path).toLowerCase() === '.tsv' ? '\t' : ',',
    bom: true,
    info: true,
    relax_column_count: true,
    // A quotation mark that neither begins nor ends a field is text.
    relax_quotes: true,
    skip_empty_lines: true,
    max_record_size: maxDocumentCharacters,
  });
  // The parser passes errors of the file on to the loop below.
  pipeline(Readable.from(decodedPieces(path, name)), parser, () => undefined);
  try {
    yield* parser as AsyncIterable<Parsed>;
  } catch (error) {
    // The parser's message may quote the row; its code and line number do not.
    if (!(error instanceof CsvError)) throw error;
    const place = `${name}:${Number(error.lines)}`;
    if (error.code === 'CSV_MAX_RECORD_SIZE')
      throw new UserError(
        'document-huge',
        `${place}: found a row of more than ${maxDocumentCharacters} characters; check for an unclosed quotation mark`,
      );
    throw new UserError('source-format', `${place}: not valid CSV (${error.code})`);
  }
}
