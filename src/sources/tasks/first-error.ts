import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { UserError } from '../../support/errors.js';
import type { PromptSettings } from '../prompts.js';
import { generators } from '../registry.js';

/** A completion that was judged wrong. */
export interface WrongCompletion {
  /** The last message of the user. */
  readonly question: string;
  readonly completion: string;
}

/** Where the first error of a wrong completion begins, as an index in its text; null where that cannot be told. */
export type FirstError = (wrong: WrongCompletion) => number | null;

/**
 * How a source of prompts tells where an error is: the export `firstError` of a prompt module, or that of a registered
 * generator. undefined where it does not know.
 * @returns a function that throws `bad-generator` where the module's throws or returns something else
 * @throws {UserError} `bad-generator` where the export is no function
 */
export async function firstErrorOf(prompts: PromptSettings, folder: string): Promise<FirstError | undefined> {
  if ('generate' in prompts) return generators[prompts.generate].firstError;
  if (!('module' in prompts)) return undefined;
  const file = resolve(folder, prompts.module);
  const bad = (problem: string) => new UserError('bad-generator', `prompts.module: ${file}: firstError: ${problem}`);
  let exported: unknown;
  try {
    exported = ((await import(pathToFileURL(file).href)) as { readonly firstError?: unknown }).firstError;
  } catch (error) {
    throw bad(`cannot be loaded: ${messageOf(error)}`);
  }
  if (exported === undefined) return undefined;
  if (typeof exported !== 'function') throw bad(`found ${typeof exported}, expected a function`);
  return (wrong) => {
    let found: unknown;
    try {
      found = exported(wrong);
    } catch (error) {
      throw bad(messageOf(error));
    }
    if (found === null || (Number.isInteger(found) && Number(found) >= 0 && Number(found) < wrong.completion.length))
      return found as number | null;
    throw bad(
      `returned ${found}, expected null or an index in the completion of ${wrong.completion.length} characters`,
    );
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
