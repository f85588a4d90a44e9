import { z } from 'zod';
import { check } from '../../support/check.js';

export const httpSettings = z.strictObject({
  url: z
    .string()
    .refine((url) => URL.canParse(url) && /^https?:/.test(url), {
      error: ({ input }) => `found a string of ${String(input).length} characters, expected an http or https address`,
    })
    .describe('Address that answers a POST of the question with a judgement.'),
  seconds: z.number().min(0.001).max(3600).default(30).describe('Time limit of one attempt.'),
  retries: z.int().min(0).max(20).default(3).describe('Attempts after the first.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Headers to send.'),
});

export type HttpSettings = z.output<typeof httpSettings>;

/** @throws {UserError} that names an unknown or wrong field */
export const readHttpSettings = (value: unknown, where: string): HttpSettings => check(httpSettings, value, where);
