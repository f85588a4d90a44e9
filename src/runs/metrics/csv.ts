import { writeFileSync } from 'node:fs';
import { figureNames, type MetricRow, stepRows } from './read.js';

/** A cell of CSV (RFC 4180). */
const cell = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** One line per step: the step, the time in UTC, and a column per figure; empty where a step has none. */
export function metricsCsv(rows: readonly MetricRow[]): string {
  const names = figureNames(rows);
  const lines = stepRows(rows).map(({ step, time, values }) => [
    String(step),
    new Date(time).toISOString(),
    ...names.map((name) => String(values.get(name) ?? '')),
  ]);
  return [['step', 'time', ...names], ...lines].map((line) => `${line.map(cell).join(',')}\n`).join('');
}

export const writeCsv = (rows: readonly MetricRow[], file: string): void => writeFileSync(file, metricsCsv(rows));
