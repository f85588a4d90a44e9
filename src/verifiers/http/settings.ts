import { z } from 'zod';
import { check } from '../../support/check.js';
import { hasReference, isAddress, type SecretText } from '../../support/secrets.js';

const text = z.string().min(1);
/** A text that may be read from the environment or a file, and is not recorded then. */
const secretText: z.ZodType<SecretText, SecretText> = z.union([
  z.string(),
  z.strictObject({ env: text.describe('Environment variable that holds the text.') }),
  z.strictObject({ file: text.describe('File that holds the text.') }),
]);

export const httpSettings = z.strictObject({
  url: secretText
    .refine((url) => hasReference(url) || isAddress(url), {
      error: ({ input }) =>
        `found a string of ${String(input).length} characters, expected an http or https address without a login`,
    })
    .describe('Address that answers a POST of the question with a judgement.'),
  seconds: z.number().min(0.001).max(3600).default(30).describe('Time limit of one attempt.'),
  retries: z.int().min(0).max(20).default(3).describe('Attempts after the first.'),
  headers: z
    .record(z.string(), secretText)
    .default({})
    .describe(
      'Headers to send. A value may be `{ env: NAME }` or `{ file: PATH }`, which are read at each request and ' +
        'not recorded.',
    ),
});

export type HttpSettings = z.output<typeof httpSettings>;

/** @throws {UserError} that names an unknown or wrong field */
export const readHttpSettings = (value: unknown, where: string): HttpSettings => check(httpSettings, value, where);
