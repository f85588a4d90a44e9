import type { Message } from '../records/records.js';
import { kindOf } from '../support/check.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { ExactNumber, stringifyExact } from '../support/exact-json.js';
import { hasLoneSurrogate } from '../support/lines.js';
import { type Chat, chatOf } from './chat.js';
import { FieldError, unknownFields } from './fields.js';
import { columnOf, extracted, fieldOf, type Mapping, structured } from './mapping.js';
import { isRow, type Row } from './rows/row.js';
import type { SourceItem } from './source.js';

/** A prompt as files and generators give it; `data` is anything that JSON can express. `null` counts as absent. */
export interface PromptInput {
  /** Default: a hash of the other fields. */
  readonly id?: string | number | bigint | null;
  /** A text, or a conversation whose last message of the user is the question. */
  readonly question: string | readonly Message[];
  readonly answer?: string | number | bigint | null;
  readonly trace?: string | null;
  readonly data?: unknown;
  /** Level of difficulty: a number or a short text. */
  readonly level?: string | number | bigint | null;
}

/**
 * Checks a prompt from outside. Numbers keep their digits.
 * @param source where it came from, for the item and for messages
 * @throws {UserError} with `code`, one line per problem: source, field, found, expected
 */
export function parseItem(value: unknown, source: string, code: string, mapping: Mapping = {}): SourceItem {
  if (!isRow(value)) throw new UserError(code, `${source}: found ${kindOf(value)}, expected an object`);
  const problems = mapping.fields
    ? []
    : unknownFields(value).map(({ name, near }) => `${name}: unknown field; did you mean ${near}?`);
  const read = <T>(field: string, reader: () => T): T | null => {
    try {
      return reader();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      problems.push(`${field}: ${error.message}`);
      return null;
    }
  };
  const given = (field: Parameters<typeof fieldOf>[1]) => fieldOf(value, field, mapping) ?? null;
  const id = read('id', () => orNull(given('id'), (found) => filled(textOrNumber(found))));
  const chat = read('question', () => questionOf(value, given('question')));
  const answer = read('answer', () => {
    const found = given('answer') ?? chat?.answer ?? null;
    return found === null ? '' : extracted(textOrNumber(found), mapping);
  });
  const trace = read('trace', () => orNull(given('trace'), text));
  const data = read('data', () => orNull(given('data'), json));
  const level = read('level', () => orNull(given('level'), shortText));
  const columns: Record<string, string> = {};
  for (const name of mapping.columns ?? []) {
    const found = read(name, () => textOrNumber(columnOf(value, name)));
    if (found !== null) columns[name] = found;
  }
  if (chat === null || answer === null || problems.length > 0)
    throw new UserError(code, problems.map((problem) => `${source}: ${problem}`).join('\n'));
  const { question, before } = chat;
  const itemId = id ?? contentId(chat, answer, trace, data);
  return {
    itemId,
    question,
    ...(before.length > 0 && { before }),
    answer,
    trace,
    data,
    ...(level !== null && { level }),
    source,
    ...(mapping.columns && { columns }),
  };
}

const orNull = <T>(value: unknown, reader: (value: unknown) => T): T | null => (value === null ? null : reader(value));

/** The question: a text or a conversation, which may also be in a column of its own. */
function questionOf(row: Row, given: unknown): Chat {
  const found = structuredList(given ?? row.messages);
  if (found === undefined || found === null) throw new FieldError('found nothing, expected a string');
  if (!Array.isArray(found)) return { before: [], question: filled(text(found)), answer: undefined };
  const chat = chatOf(found);
  for (const { content } of chat.before) text(content);
  return { ...chat, question: filled(text(chat.question)) };
}

/** A table may keep a conversation as JSON text; any other text is a question, also one in brackets. */
function structuredList(value: unknown): unknown {
  const parsed = structured(value);
  return Array.isArray(parsed) && parsed.length > 0 && parsed.every(isRow) ? parsed : value;
}

/** The id of a prompt that has none: equal prompts have equal ids, wherever they are. */
function contentId({ before, question }: Chat, answer: string, trace: string | null, data: string | null): string {
  const context = before.flatMap(({ role, content }) => [role, content]);
  return digest('prompt', ...context, question, answer, trace ?? '', data ?? '').slice(0, 16);
}

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

const MAX_LEVEL = 64;

function shortText(value: unknown): string {
  const found = filled(textOrNumber(value));
  if (found.length > MAX_LEVEL)
    throw new FieldError(`found ${found.length} characters, expected a number or a text of up to ${MAX_LEVEL}`);
  return found;
}

function filled(value: string): string {
  if (value === '') throw new FieldError('found an empty string, expected some text');
  return value;
}

function json(value: unknown): string {
  try {
    const written = stringifyExact(structured(value));
    if (written !== undefined) return written;
  } catch (error) {
    const reason = error instanceof RangeError ? 'it is nested too deeply' : (error as Error).message;
    throw new FieldError(`cannot be written as JSON: ${reason}`);
  }
  throw new FieldError(`found ${kindOf(value)}, expected what JSON can express`);
}
