import { z } from 'zod';
import { check } from '../../support/check.js';

export const sqlSettings = z
  .strictObject({
    tolerance: z
      .number()
      .min(0)
      .max(1)
      .default(1e-6)
      .describe('Floats are equal within this share of the larger one, or within a thousandth of it near 0.'),
    columnNames: z.boolean().default(false).describe('Column names must match.'),
    databases: z
      .array(z.string())
      .min(1)
      .exactOptional()
      .describe(`Scripts of DDL and INSERTs for items that bring none; a file is \`$\{file:shop.sql}\`.`),
    seconds: z.number().min(0.05).max(3600).default(2).describe('CPU seconds per query.'),
    memoryBytes: z
      .number()
      .min(2 ** 24)
      .max(2 ** 40)
      .default(2 ** 28)
      .describe('Memory of the database.'),
  })
  .transform(({ seconds, memoryBytes, ...settings }) => ({
    ...settings,
    limits: { seconds, memoryBytes },
  }));

export type SqlSettings = z.output<typeof sqlSettings>;

/** @throws {UserError} that names an unknown or wrong field */
export const readSqlSettings = (value: unknown, where: string): SqlSettings => check(sqlSettings, value, where);

const sqlTask = z.object({
  reference: z.string(),
  /** Scripts of DDL and INSERTs; the query must be right on every one. */
  databases: z.array(z.string()).min(1),
  /** Whether the order of rows counts. By default it does if the reference has an ORDER BY. */
  ordered: z.boolean().optional(),
});

export type SqlTask = z.output<typeof sqlTask>;

/** Reads `{"reference", "databases": ["…"], "ordered"}`. @throws {UserError} that names the field */
export const readSqlTask = (fields: Readonly<Record<string, unknown>>, where: string): SqlTask =>
  check(sqlTask, fields, where);

const GRACE_SECONDS = 1;

/** CPU seconds of one query, with some time to interrupt it. */
export const querySeconds = ({ limits }: SqlSettings): number => limits.seconds + GRACE_SECONDS;

/** CPU seconds for one database's script and reference, each of which is stopped at five times a query's seconds. */
export const taskSeconds = ({ limits }: SqlSettings): number => limits.seconds * 20 + GRACE_SECONDS;
