import { z } from 'zod';
import { UserError } from '../../support/errors.js';
import { hasReference, isAddress } from '../../support/secrets.js';

const address = z
  .string()
  .refine((url) => hasReference(url) || isAddress(url), {
    error: ({ input }) =>
      `found a string of ${String(input).length} characters, expected an http or https address without a login`,
  })
  .describe('Address of a server, without the `/v1` of its paths.');

/** Where servers are: one or several of the same model. */
export const serverFields = {
  url: address.optional(),
  urls: z.array(address).min(1).optional().describe('Addresses of several servers of the same model.'),
} as const;

/** What engines of all kinds of servers take. */
export const requestFields = {
  model: z
    .string()
    .min(1)
    .optional()
    .describe('Name under which the servers offer the base model. Default: the only one that they list.'),
  apiKey: z
    .string()
    .min(1)
    .optional()
    .describe('Key that requests carry: a reference to an environment variable or file, which is not recorded.'),
  inFlight: z.int().min(1).max(4096).default(64).describe('Requests at one server at a time.'),
  seconds: z.number().min(0.1).max(86_400).default(600).describe('Time limit of one request.'),
  retries: z.int().min(0).max(100).default(8).describe('Attempts after the first of a request that fails.'),
  outage: z
    .number()
    .min(0)
    .max(86_400)
    .default(1800)
    .describe('Seconds that work waits while no server answers; after that it fails.'),
} as const;

export type RequestSettings = z.output<z.ZodObject<typeof requestFields>>;
export type ServerSettings = z.output<z.ZodObject<typeof serverFields>>;

/**
 * The addresses of `url` or `urls`, without duplicates.
 * @throws {UserError} `bad-settings` where there is neither or both
 */
export function addressesOf({ url, urls }: ServerSettings, where: string): readonly string[] {
  if ((url === undefined) === (urls === undefined))
    throw new UserError(
      'bad-settings',
      `${where}: found ${url === undefined ? 'neither url nor urls' : 'url and urls'}; expected one of them`,
    );
  return [...new Set(urls ?? [url ?? ''])];
}
