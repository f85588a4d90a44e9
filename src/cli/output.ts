import pc from 'picocolors';
import { required } from '../support/required.js';
import { redact, redactMessage } from '../support/secrets.js';

export const colour = pc.createColors(!process.env.NO_COLOR && process.stdout.isTTY === true);

/** JSON of a value; a bigint becomes a number where that is exact, bytes become base64. */
export function toJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return Number.isSafeInteger(Number(inner)) ? Number(inner) : String(inner);
    if (inner instanceof Uint8Array) return Buffer.from(inner).toString('base64');
    return inner;
  });
}

/** Writes a line to stdout: results. */
export function print(line: string): void {
  process.stdout.write(`${redact(line)}\n`);
}

/** Writes a line to stderr: messages. */
export function say(line: string): void {
  process.stderr.write(`${redactMessage(line)}\n`);
}

/** A table with aligned columns, numbers to the right. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(String));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[], r: number) =>
    row
      .map((cell, column) => {
        const width = required(widths[column], `width of column ${column}`);
        return r > 0 && typeof rows[r - 1]?.[column] === 'number' ? cell.padStart(width) : cell.padEnd(width);
      })
      .join('  ')
      .trimEnd();
  return cells.map((row, r) => (r === 0 ? colour.bold(line(row, r)) : line(row, r))).join('\n');
}
