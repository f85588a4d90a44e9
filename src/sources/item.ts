import { z } from 'zod';
import { UserError } from '../support/errors.js';
import { ExactNumber, stringifyExact } from '../support/exact-json.js';
import type { SourceItem } from './source.js';

/** A number with more digits than a double keeps, as written. */
const exact = z.instanceof(ExactNumber).transform(({ text }) => text);

const itemSchema = z.looseObject({
  id: z.union([z.string().min(1), z.number().transform(String), exact]),
  question: z.string().min(1),
  answer: z.union([z.string(), z.number().transform(String), exact]).default(''),
  trace: z.string().optional(),
  data: z.unknown().optional(),
});

/** A prompt as files and generators give it; `data` is anything that JSON can express. */
export type PromptInput = z.input<typeof itemSchema>;

/**
 * Checks a prompt from outside.
 * @param source where it came from, for the item and for messages
 * @throws {UserError} with `code`: source, field, found, expected
 */
export function parseItem(value: unknown, source: string, code: string): SourceItem {
  const result = itemSchema.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    const field = issue?.path.join('.') || 'the prompt';
    throw new UserError(code, `${source}: ${field}: ${issue?.message}`);
  }
  const { id, question, answer, trace, data } = result.data;
  return {
    itemId: id,
    question,
    answer,
    trace: trace ?? null,
    data: data === undefined ? null : stringifyExact(data),
    source,
  };
}
