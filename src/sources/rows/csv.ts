import { pipeline, Readable } from 'node:stream';
import { type CsvError, parse } from 'csv-parse';
import { UserError } from '../../support/errors.js';
import { decodeUtf8, utf8Problem } from '../../support/lines.js';
import { at } from '../../support/required.js';
import type { FoundRow } from './row.js';

/** Longest row in bytes. */
const LONGEST = 64 << 20;

/**
 * Rows of a CSV file with a header. An empty cell counts as absent. Bytes go through the parser as Latin-1 and are
 * decoded cell by cell, so that one row that is not UTF-8 costs only that row.
 * @throws {UserError} `bad-prompts` for a header that cannot be read
 */
export async function* csvRows(
  bytes: AsyncIterable<Uint8Array>,
  name: string,
  delimiter: ',' | '\t',
): AsyncGenerator<FoundRow> {
  const skipped: CsvError[] = [];
  const parser = parse({
    delimiter,
    encoding: 'latin1',
    info: true,
    relax_column_count: true,
    // As Python's reader does: one stray quotation mark must not swallow the rows after it.
    relax_quotes: true,
    skip_empty_lines: true,
    skip_records_with_error: true,
    max_record_size: LONGEST,
    on_skip: (error) => void (error && skipped.push(error)),
  });
  // The parser passes errors of the file on to the loop below.
  pipeline(Readable.from(bytes), parser, () => undefined);
  let header: readonly string[] | undefined;
  for await (const { info, record } of parser as AsyncIterable<{ info: { lines: number }; record: string[] }>) {
    yield* skippedRows(skipped);
    const number = info.lines;
    if (!header) {
      header = headerOf(record, `${name}:${number}`);
      continue;
    }
    yield csvRow(record, header, number);
  }
  yield* skippedRows(skipped);
}

function headerOf(record: readonly string[], where: string): readonly string[] {
  return record.map((cell, index) => {
    const written = index === 0 ? cell.replace(/^\u00EF\u00BB\u00BF/, '') : cell;
    const text = decodeUtf8(Buffer.from(written, 'latin1'));
    if (text === undefined)
      throw new UserError('bad-prompts', `${where}: the header: ${utf8Problem(Buffer.from(cell, 'latin1'))}`);
    return text.trim();
  });
}

function csvRow(record: readonly string[], header: readonly string[], number: number): FoundRow {
  if (record.length !== header.length)
    return {
      number,
      row: undefined,
      problem: `found ${record.length} cells, expected ${header.length} as in the header`,
    };
  const entries: [string, string][] = [];
  for (const [index, name] of header.entries()) {
    const cell = Buffer.from(at(record, index), 'latin1');
    const text = decodeUtf8(cell);
    if (text === undefined) return { number, row: undefined, problem: `${name}: ${utf8Problem(cell)}` };
    if (text !== '') entries.push([name, text]);
  }
  return { number, row: Object.fromEntries(entries) };
}

/** The parser's message may quote the row; its code and line do not. */
function* skippedRows(errors: CsvError[]): Generator<FoundRow> {
  for (const { code, lines } of errors.splice(0))
    yield { number: Number(lines), row: undefined, problem: `not valid CSV (${code})` };
}
