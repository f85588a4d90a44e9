import { existsSync, readFileSync } from 'node:fs';
import { UserError } from '../support/errors.js';

export type Json = Readonly<Record<string, unknown>>;

/**
 * A JSON object from a file of a model folder. @throws {UserError} `bad-model-file` when it is missing, or not an
 * object.
 */
export function readJson(file: string): Json {
  if (!existsSync(file)) throw new UserError('bad-model-file', `${file}: the file is missing`);
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new UserError('bad-model-file', `${file}: not JSON: ${error instanceof Error ? error.message : error}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UserError('bad-model-file', `${file}: expected a JSON object`);
  return value as Json;
}

/** As `readJson`, but `{}` where the file is missing. */
export const readOptionalJson = (file: string): Json => (existsSync(file) ? readJson(file) : {});
