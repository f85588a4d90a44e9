import { resolve } from 'node:path';
import { fileSource, heldOutFile } from './file.js';
import { generatorSource } from './generator.js';
import type { HeldOut } from './held-out.js';
import type { Mapping } from './mapping.js';
import { moduleSource } from './module.js';
import { type GeneratorName, generators } from './registry.js';
import type { Found, PromptSource } from './source.js';
import { type TopicSettings, topicSource } from './topic.js';

/** Where prompts come from: a registered generator, a user's own, a topic, or files. */
export type PromptSettings =
  | { readonly generate: GeneratorName; readonly heldOut: number | { readonly file: string } }
  | { readonly module: string; readonly heldOut: number | { readonly file: string } }
  | TopicSettings
  | (Mapping & {
      readonly file: string | readonly string[];
      readonly heldOut: HeldOut;
      readonly shuffle?: boolean | undefined;
    });

export interface SourceRequest<P extends PromptSettings = PromptSettings> {
  readonly prompts: P;
  /** Seed of the run. */
  readonly seed: number;
  /** Whether the prompts are trained on: those of files are then shuffled unless `shuffle` says otherwise. */
  readonly trains: boolean;
  /** Columns that each prompt keeps besides its fields. */
  readonly columns?: readonly string[];
}

type Source<P> = PromptSource<P extends TopicSettings ? Found | null : Found>;

/**
 * Opens the source of a run's prompts.
 * @param folder what the paths are relative to
 * @throws {UserError} `bad-generator`, `bad-prompt`, and as `fileSource`
 */
export async function openSource<P extends PromptSettings>(
  request: SourceRequest<P>,
  folder: string,
): Promise<Source<P>>;
export async function openSource(
  { prompts, seed, trains, columns }: SourceRequest,
  folder: string,
): Promise<PromptSource<Found | null>> {
  const kept = columns && columns.length > 0 ? { columns } : {};
  if ('topic' in prompts) return topicSource(prompts, folder);
  if ('file' in prompts)
    return fileSource({ ...prompts, ...kept, shuffle: (prompts.shuffle ?? trains) ? seed : undefined }, folder);
  const { heldOut } = prompts;
  const held = typeof heldOut === 'number' ? heldOut : await heldOutFile(heldOut.file, {}, folder);
  return 'module' in prompts
    ? moduleSource(resolve(folder, prompts.module), { seed, heldOut: held, ...kept })
    : generatorSource(generators[prompts.generate], prompts.generate, { seed, heldOut: held, ...kept });
}
