import type { AnySchema } from 'ajv';
import { z } from 'zod';
import { check } from '../../support/check.js';

const jsonSchema: z.ZodType<AnySchema> = z.union([z.boolean(), z.record(z.string(), z.unknown())]);

export const jsonSchemaSettings = z.strictObject({
  schema: jsonSchema.optional().describe('Schema for items that bring none of their own.'),
  bare: z.boolean().default(false).describe('The completion must be the JSON value and nothing else.'),
});

export type JsonSchemaSettings = z.output<typeof jsonSchemaSettings>;

export interface JsonSchemaTask {
  readonly schema?: AnySchema | undefined;
  /** Values that the completion must have: every field, at any depth, must be there and equal. */
  readonly values?: unknown;
}

const task = z.object({ schema: jsonSchema.optional() });

/** Reads `{"schema", "values"}`, both optional. @throws {UserError} that names the field */
export function readJsonSchemaTask(fields: Readonly<Record<string, unknown>>, where: string): JsonSchemaTask {
  const { values } = fields; // May be null, which `check` would drop.
  return { ...check(task, fields, where), ...(values === undefined ? {} : { values }) };
}
