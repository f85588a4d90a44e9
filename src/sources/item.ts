import { kindOf } from '../support/check.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { ExactNumber, stringifyExact } from '../support/exact-json.js';
import { hasLoneSurrogate } from '../support/lines.js';
import { type PromptField, type Row, unknownFields } from './fields.js';
import type { SourceItem } from './source.js';

/** A prompt as files and generators give it; `data` is anything that JSON can express. `null` counts as absent. */
export interface PromptInput {
  /** Default: a hash of the other fields. */
  readonly id?: string | number | bigint | null;
  readonly question: string;
  readonly answer?: string | number | bigint | null;
  readonly trace?: string | null;
  readonly data?: unknown;
}

/** What is wrong with one field. */
class FieldError extends Error {}

/**
 * Checks a prompt from outside. Numbers keep their digits.
 * @param source where it came from, for the item and for messages
 * @throws {UserError} with `code`, one line per problem: source, field, found, expected
 */
export function parseItem(value: unknown, source: string, code: string): SourceItem {
  if (!isRow(value)) throw new UserError(code, `${source}: found ${kindOf(value)}, expected an object`);
  const problems = unknownFields(value).map(({ name, near }) => `${name}: unknown field; did you mean ${near}?`);
  const read = (field: PromptField, reader: (given: unknown) => string): string | null => {
    const given = value[field];
    if (isAbsent(given)) return null;
    try {
      return reader(given);
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      problems.push(`${field}: ${error.message}`);
      return null;
    }
  };
  const [id, question, answer, trace, data] = [
    read('id', (given) => filled(textOrNumber(given))),
    read('question', (given) => filled(text(given))),
    read('answer', textOrNumber) ?? '',
    read('trace', text),
    read('data', json),
  ];
  if (isAbsent(value.question)) problems.push('question: found nothing, expected a string');
  if (question === null || problems.length > 0)
    throw new UserError(code, problems.map((problem) => `${source}: ${problem}`).join('\n'));
  return { itemId: id ?? contentId(question, answer, trace, data), question, answer, trace, data, source };
}

const isAbsent = (value: unknown): value is null | undefined => value === null || value === undefined;

export const isRow = (value: unknown): value is Row =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);

/** The id of a prompt that has none: equal prompts have equal ids, wherever they are. */
const contentId = (question: string, answer: string, trace: string | null, data: string | null): string =>
  digest('prompt', question, answer, trace ?? '', data ?? '').slice(0, 16);

function text(value: unknown): string {
  if (typeof value !== 'string') throw new FieldError(`found ${kindOf(value)}, expected a string`);
  if (hasLoneSurrogate(value))
    throw new FieldError('found half of a surrogate pair, expected text that UTF-8 can express');
  return value;
}

function textOrNumber(value: unknown): string {
  if (value instanceof ExactNumber) return value.text;
  if (typeof value === 'bigint' || (typeof value === 'number' && Number.isFinite(value))) return String(value);
  if (typeof value === 'string') return text(value);
  const found = typeof value === 'number' ? String(value) : kindOf(value);
  throw new FieldError(`found ${found}, expected a string or a number`);
}

function filled(value: string): string {
  if (value === '') throw new FieldError('found an empty string, expected some text');
  return value;
}

function json(value: unknown): string {
  try {
    const written = stringifyExact(value);
    if (written !== undefined) return written;
  } catch (error) {
    const reason = error instanceof RangeError ? 'it is nested too deeply' : (error as Error).message;
    throw new FieldError(`cannot be written as JSON: ${reason}`);
  }
  throw new FieldError(`found ${kindOf(value)}, expected what JSON can express`);
}
