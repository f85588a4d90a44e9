import { kindOf } from '../../support/check.js';
import { parseExact } from '../../support/exact-json.js';
import { type Line, linesOf } from '../../support/lines.js';
import { type FoundRow, isRow } from './row.js';

/** Rows of JSON lines, without blank lines. */
export async function* jsonLines(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<FoundRow> {
  for await (const line of linesOf(bytes)) if (line.text?.trim() !== '') yield rowOfLine(line);
}

/**
 * Rows of a `.json` file: a list of rows, one row, or JSON lines in spite of the name. A list is read into memory.
 */
export async function* jsonRows(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<FoundRow> {
  const lines: Line[] = [];
  const iterator = linesOf(bytes)[Symbol.asyncIterator]();
  for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
    lines.push(next.value);
    const first = lines.find(({ text }) => text?.trim() !== '');
    if (!first || !isWholeRow(first)) continue;
    yield rowOfLine(first);
    for await (const line of iterator) if (line.text?.trim() !== '') yield rowOfLine(line);
    return;
  }
  const broken = lines.find(({ text }) => text === undefined);
  if (broken) return yield rowOfLine(broken);
  let value: unknown;
  try {
    value = parseExact(lines.map(({ text }) => text).join('\n'), { keep: 'digits' });
  } catch {
    for (const line of lines) if (line.text?.trim() !== '') yield rowOfLine(line);
    return;
  }
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  for (const [index, item] of items.entries()) yield rowOf(item, index + 1);
}

function isWholeRow({ text }: Line): boolean {
  if (text === undefined || !text.trimStart().startsWith('{')) return false;
  try {
    return isRow(JSON.parse(text));
  } catch {
    return false;
  }
}

function rowOfLine(line: Line): FoundRow {
  const { number } = line;
  if (line.text === undefined) return { number, row: undefined, problem: line.problem };
  try {
    return rowOf(parseExact(line.text, { keep: 'digits' }), number);
  } catch (error) {
    // The parser's own message quotes the line, which may contain privileged text.
    const column = error instanceof Error ? /position (\d+)/.exec(error.message)?.[1] : undefined;
    const place = column === undefined ? '' : ` at character ${Number(column) + 1}`;
    return { number, row: undefined, problem: `not JSON${place}; expected {"id", "question", "answer"}` };
  }
}

const rowOf = (value: unknown, number: number): FoundRow =>
  isRow(value)
    ? { number, row: value }
    : { number, row: undefined, problem: `found ${kindOf(value)}, expected an object` };
