import { z } from 'zod';
import { nearest } from '../support/errors.js';
import { parseExact } from '../support/exact-json.js';
import { FieldError, type PromptField } from './fields.js';
import type { Row } from './rows/row.js';

const text = z.string().min(1);

/** Where a prompt's fields are in a row, and which part of the answer counts; for the spec. */
export const mappingFields = {
  fields: z
    .strictObject({
      id: text.optional(),
      question: text.optional(),
      answer: text.optional(),
      trace: text.optional(),
      data: z.union([text, z.record(z.string(), text)]).optional(),
      level: text.optional(),
    })
    .optional()
    .describe(
      'Columns of the fields, such as { question: problem, answer: reward_model.ground_truth }; `data` may name ' +
        'several. Default: their own names.',
    ),
  after: text.optional().describe('The answer is what follows the last of these, such as "####".'),
  boxed: z.boolean().optional().describe('The answer is in the last \\boxed{…}.'),
};

export type Mapping = Partial<z.output<z.ZodObject<typeof mappingFields>>> & {
  /** Other columns that a prompt keeps, and must have. */
  readonly columns?: readonly string[];
};

/**
 * The value of a field in a row, before it is checked.
 * @throws {FieldError} for a column that the row lacks and whose name is close to another
 */
export function fieldOf(row: Row, field: PromptField, { fields = {} }: Mapping): unknown {
  const column = fields[field];
  if (column === undefined) return row[field];
  if (typeof column === 'string') return field === 'data' ? structured(at(row, column)) : at(row, column);
  const entries = Object.entries(column).flatMap(([name, path]) => {
    const value = at(row, path);
    return value === undefined || value === null ? [] : [[name, structured(value)] as const];
  });
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** A column that a row must have. @throws {FieldError} */
export function columnOf(row: Row, name: string): unknown {
  const value = row[name];
  if (value !== undefined && value !== null) return value;
  const near = nearest(name, Object.keys(row));
  throw new FieldError(`found no such column${near === undefined ? '' : `; did you mean ${near}?`}`);
}

/** A column by its name, or a value inside one by a path such as `reward_model.ground_truth`. */
function at(row: Row, path: string): unknown {
  if (Object.hasOwn(row, path)) return row[path];
  const [first = path, ...rest] = path.split('.');
  if (rest.length > 0 && Object.hasOwn(row, first))
    return rest.reduce<unknown>((value, key) => {
      const inner = structured(value);
      return typeof inner === 'object' && inner !== null && Object.hasOwn(inner, key) ? (inner as Row)[key] : undefined;
    }, row[first]);
  const near = nearest(first, Object.keys(row));
  if (near !== undefined) throw new FieldError(`found no column ${first}; did you mean ${near}?`);
  return undefined;
}

/** Objects and lists that a table keeps as JSON texts. Any other value stays as it is. */
export function structured(value: unknown): unknown {
  if (typeof value !== 'string' || !/^\s*[[{]/.test(value)) return value;
  try {
    return parseExact(value, { keep: 'digits' });
  } catch {
    return value;
  }
}

/** The part of an answer that counts. @throws {FieldError} where it has none */
export function extracted(answer: string, { after, boxed }: Mapping): string {
  if (after !== undefined) {
    const start = answer.lastIndexOf(after);
    if (start < 0) throw new FieldError(`found no ${JSON.stringify(after)}, expected the answer after it`);
    return answer.slice(start + after.length).trim();
  }
  if (!boxed) return answer;
  const content = boxedIn(answer);
  if (content === undefined) throw new FieldError('found no \\boxed{…}, expected the answer in it');
  return content;
}

const BOX = /\\(?:boxed|fbox)\s*\{/g;

/** Content of the last `\boxed{…}` or `\fbox{…}` that is closed. */
function boxedIn(text: string): string | undefined {
  for (const box of [...text.matchAll(BOX)].reverse()) {
    const start = box.index + box[0].length;
    let depth = 1;
    for (let end = start; end < text.length; end++) {
      if (text[end] === '\\') end++;
      else if (text[end] === '{') depth++;
      else if (text[end] === '}' && --depth === 0) return text.slice(start, end).trim();
    }
  }
  return undefined;
}
