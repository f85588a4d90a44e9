import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import type { HeldOutFile } from './file.js';
import { questionKey } from './held-out.js';
import { type PromptInput, parseItem } from './item.js';
import type { Mapping } from './mapping.js';
import { isRow } from './rows/row.js';
import { type BadItem, isBad, type PromptSource, type SourceItem } from './source.js';
import type { FirstError } from './tasks/first-error.js';

export interface GeneratorRequest {
  /** Seed of the run. */
  readonly seed: number;
  /** Position in the stream, from 0. */
  readonly index: number;
  /** Which stream: the held-out prompts, or those to train on. */
  readonly heldOut: boolean;
}

/**
 * What a generator returns. Without an `id`, one is made of the generator's name, the seed, the stream and the index.
 */
export type GeneratedPrompt = PromptInput;

/** Makes the prompt at a position. The same request must always give the same prompt. */
export type Generate = (request: GeneratorRequest) => GeneratedPrompt;

/** A generator of prompts, as the registry lists it. */
export interface PromptGenerator {
  readonly name: string;
  readonly summary: string;
  readonly generate: Generate;
  /** Where a wrong completion has its first error, if the task can tell. */
  readonly firstError?: FirstError;
}

export interface GeneratorOptions extends Pick<Mapping, 'columns'> {
  /** Seed of the run. */
  readonly seed: number;
  /** Number of held-out prompts that it makes, or those of a file. */
  readonly heldOut: number | HeldOutFile;
}

/** Consecutive held-out questions after which a generator is taken to have no others. */
const MAX_SKIPPED = 10_000;

/**
 * A source over a generator. A generated prompt whose question is held out is skipped, so that it is never trained on.
 * @param hash identifies the generator in the run's manifest
 * @throws {UserError} `bad-prompt` for a held-out prompt that is invalid; an invalid one of the stream becomes a
 * `BadItem`
 */
export function generatorSource(
  { name, generate }: Pick<PromptGenerator, 'name' | 'generate'>,
  hash: string,
  { seed, heldOut: held, ...mapping }: GeneratorOptions,
): PromptSource {
  const itemAt = (index: number, heldOut: boolean): SourceItem => {
    const defaultId = `${name}-${seed}-${heldOut ? 'held-out' : 'train'}-${index}`;
    let prompt: unknown;
    try {
      prompt = generate({ seed, index, heldOut });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new UserError('bad-prompt', `${name}: prompt ${index}: ${reason}`);
    }
    const withId = isRow(prompt) ? { ...prompt, id: prompt.id ?? defaultId } : prompt;
    return { ...parseItem(withId, `${name}: prompt ${index}`, 'bad-prompt', mapping), source: name };
  };
  const heldOut =
    typeof held === 'number' ? Array.from({ length: held }, (_, index) => itemAt(index, true)) : held.items;
  const heldOutQuestions = new Set(heldOut.map(({ question }) => questionKey(question)));
  const foundAt = (index: number): SourceItem | BadItem => {
    try {
      return itemAt(index, false);
    } catch (error) {
      if (error instanceof UserError) return { source: `${name}: prompt ${index}`, error };
      throw error;
    }
  };
  return {
    hash: typeof held === 'number' ? hash : digest(hash, held.hash),
    heldOut,
    async *from(position) {
      let skipped = 0;
      for (let at = position; ; at++) {
        const found = foundAt(Number(at));
        if (!isBad(found) && heldOutQuestions.has(questionKey(found.question))) {
          if (++skipped === MAX_SKIPPED)
            throw new UserError(
              'no-prompts',
              `${name}: the last ${MAX_SKIPPED} questions are all held out; expected others to train on`,
            );
          continue;
        }
        skipped = 0;
        yield { position: at, pass: 0, found };
      }
    },
  };
}
