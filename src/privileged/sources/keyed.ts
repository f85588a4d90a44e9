import { extname, join } from 'node:path';
import type { PrivilegedKind } from '../../records/records.js';
import { nearest, UserError } from '../../support/errors.js';
import { ExactNumber, parseExact, stringifyExact } from '../../support/exact-json.js';
import { linesOf } from '../../support/lines.js';
import { maxDocumentCharacters } from '../formats/extracted.js';
import { csvRows } from './csv.js';
import { utf8Bytes } from './pieces.js';
import type { KeyedSource, SourceDocument, SourceProblem, SourceUnit } from './source.js';

/** Rows of one file that are reported one by one. */
const MAX_REPORTED_ROWS = 1000;

/**
 * A CSV, TSV or JSON lines file as one unit, read row by row.
 * @throws {UserError} `source-field` for a source without columns
 */
export function keyedUnit(source: KeyedSource, folder: string): SourceUnit {
  const columns = columnsOf(source);
  if (columns.length === 0) {
    throw new UserError('source-field', `${source.keyed}: found no column, expected reference, trace or both`);
  }
  const path = join(folder, source.keyed);
  return {
    name: source.keyed,
    stamp: null,
    async *documents(report) {
      const { reportRow, end } = limited(source.keyed, report);
      for await (const { line, row } of rows(path, source, reportRow))
        yield* rowDocuments(source, columns, line, row, reportRow);
      end();
    },
  };
}

const columnsOf = (source: KeyedSource): { readonly kind: PrivilegedKind; readonly column: string }[] =>
  (['reference', 'trace'] as const).flatMap((kind) => {
    const column = source[kind];
    return column === undefined ? [] : [{ kind, column }];
  });

/** Reports the first rows with a problem, and the number of the others at the end. */
function limited(
  name: string,
  report: (problem: SourceProblem) => void,
): { readonly reportRow: (problem: SourceProblem) => void; readonly end: () => void } {
  let count = 0;
  return {
    reportRow(problem) {
      if (++count <= MAX_REPORTED_ROWS) report(problem);
    },
    end() {
      const more = count - MAX_REPORTED_ROWS;
      const message = `${name}: ${more} more rows have problems; the first ${MAX_REPORTED_ROWS} are listed`;
      if (more > 0) report({ source: name, code: 'source-format', message });
    },
  };
}

export type Row = Readonly<Record<string, unknown>>;

function* rowDocuments(
  source: KeyedSource,
  columns: readonly { readonly kind: PrivilegedKind; readonly column: string }[],
  line: number,
  row: Row,
  report: (problem: SourceProblem) => void,
): Generator<SourceDocument> {
  const problem = (column: string, found: string): undefined =>
    report({
      source: source.keyed,
      code: 'source-field',
      message: `${source.keyed}:${line}: field ${column} ${found}`,
    }) as undefined;
  const text = (column: string): string | undefined => {
    const isThere = Object.hasOwn(row, column);
    const value = isThere ? row[column] : undefined;
    if (value !== undefined && value !== null && value !== '') {
      return textOf(value) ?? problem(column, 'is nested too deep');
    }
    if (isThere) return problem(column, 'is empty');
    const meant = nearest(column, Object.keys(row));
    return problem(column, `is missing${meant ? `; did you mean ${meant}?` : ''}`);
  };
  const itemId = text(source.key);
  if (itemId === undefined) return;
  for (const { kind, column } of columns) {
    const content = text(column);
    if (content === undefined) continue;
    yield { id: null, itemId, kind, title: '', text: content, shape: null, label: source.label ?? null };
  }
}

/**
 * A text as it is, a number with the digits it was written with, anything else as JSON; undefined if that is too deep.
 */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (value instanceof ExactNumber) return value.text;
  try {
    return stringifyExact(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

async function* rows(
  path: string,
  source: KeyedSource,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<{ readonly line: number; readonly row: Row }> {
  const { keyed: name } = source;
  const extension = extname(path).toLowerCase();
  if (extension === '.csv' || extension === '.tsv')
    yield* csvRows(path, name, [source.key, ...columnsOf(source).map(({ column }) => column)], report);
  else if (extension === '.jsonl' || extension === '.ndjson') yield* jsonRows(path, name, report);
  else
    throw new UserError(
      'source-format',
      `${name}: found the extension ${extension || '(none)'}, expected .csv, .tsv, .jsonl or .ndjson`,
    );
}

async function* jsonRows(
  path: string,
  name: string,
  report: (problem: SourceProblem) => void,
): AsyncGenerator<{ line: number; row: Row }> {
  for await (const line of linesOf(utf8Bytes(path, name), maxDocumentCharacters)) {
    if (line.text?.trim() === '') continue;
    const row = line.text === undefined ? undefined : jsonObject(line.text);
    if (row) {
      yield { line: line.number, row };
      continue;
    }
    const problem = line.text === undefined ? line.problem : 'not a JSON object';
    report({ source: name, code: 'source-format', message: `${name}:${line.number}: ${problem}` });
  }
}

function jsonObject(text: string): Row | undefined {
  try {
    const value = parseExact(text, { keep: 'digits' });
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject && !(value instanceof ExactNumber) ? (value as Row) : undefined;
  } catch (error) {
    // A RangeError: nested too deep.
    if (error instanceof SyntaxError || error instanceof RangeError) return undefined;
    throw error;
  }
}
