import { figureNames, type MetricRow, stepRows } from './read.js';

const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/**
 * One row per step with the columns of the CSV: step and time as such, figures as doubles, null where there is none.
 */
export async function writeParquet(rows: readonly MetricRow[], file: string): Promise<void> {
  const { DuckDBInstance, DuckDBTimestampValue } = await import('@duckdb/node-api');
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const names = figureNames(rows);
    const columns = names.map((name) => `, ${identifier(name)} DOUBLE`).join('');
    await connection.run(`CREATE TABLE metrics (step BIGINT, time TIMESTAMP${columns})`);
    const appender = await connection.createAppender('metrics');
    for (const { step, time, values } of stepRows(rows)) {
      appender.appendBigInt(BigInt(step));
      appender.appendTimestamp(new DuckDBTimestampValue(BigInt(time) * 1000n));
      for (const name of names) {
        const value = values.get(name);
        if (value === undefined) appender.appendNull();
        else appender.appendDouble(value);
      }
      appender.endRow();
    }
    appender.closeSync();
    await connection.run(`COPY metrics TO ${literal(file)} (FORMAT parquet)`);
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
