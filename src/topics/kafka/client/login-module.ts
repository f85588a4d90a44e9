import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../../support/errors.js';
import { conceal } from '../../../support/secrets.js';
import type { Authenticator } from './internals.js';

/** A mechanism as kafkajs takes it, such as those that are published for AWS_MSK_IAM. */
export interface Mechanism {
  readonly mechanism: string;
  readonly authenticationProvider: Authenticator;
}

/** What a login module gives: a token for every login, or a mechanism. */
export type Login = (() => Promise<string>) | Mechanism;

/**
 * Loads a login module. Its default export is a function that returns a token, or `{ token }`; or a mechanism.
 * @param module relative to the working directory, as the files of secrets are
 * @throws {UserError} `bad-module`
 * @example
 * // msk.mjs, for the IAM of Amazon MSK
 * import { generateAuthToken } from 'aws-msk-iam-sasl-signer-js';
 * export default () => generateAuthToken({ region: 'eu-west-1' });
 */
export async function loadLogin(module: string): Promise<Login> {
  const found = await defaultOf(module);
  if (isMechanism(found)) return found;
  if (typeof found !== 'function')
    throw new UserError(
      'bad-module',
      `sasl.module: the default export of ${module} is ` +
        `${found === undefined ? 'missing' : `of type ${typeof found}`}; expected a function that returns a token, ` +
        'or { mechanism, authenticationProvider }',
    );
  return async () => {
    const given: unknown = await Promise.resolve()
      .then(() => found())
      .catch((cause: unknown) => {
        throw Object.assign(new UserError('kafka-credentials', `sasl.module: ${module}: ${messageOf(cause)}`), {
          cause,
        });
      });
    const token = typeof given === 'object' && given !== null && 'token' in given ? given.token : given;
    if (typeof token !== 'string' || token === '')
      throw new UserError(
        'kafka-credentials',
        `sasl.module: ${module} returned ${token === '' ? 'an empty text' : `something of type ${typeof token}`}; ` +
          'expected a token',
      );
    conceal(token, `\${the token of ${module}}`);
    return token;
  };
}

async function defaultOf(module: string): Promise<unknown> {
  try {
    return ((await import(pathToFileURL(resolve(module)).href)) as { readonly default?: unknown }).default;
  } catch (cause) {
    const message = `sasl.module: ${module} cannot be loaded: ${messageOf(cause)}`;
    throw Object.assign(new UserError('bad-module', message), { cause });
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));

const isMechanism = (found: unknown): found is Mechanism =>
  typeof found === 'object' &&
  found !== null &&
  'mechanism' in found &&
  typeof found.mechanism === 'string' &&
  'authenticationProvider' in found &&
  typeof found.authenticationProvider === 'function';
