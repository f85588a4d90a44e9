import { resolve } from 'node:path';
import { fileSource } from './file.js';
import { generatorSource } from './generator.js';
import { moduleSource } from './module.js';
import { type GeneratorName, generators } from './registry.js';
import type { PromptSource } from './source.js';

/** Where prompts come from: a registered generator, a JSON lines file, or a user's own generator. */
export type PromptSettings = { readonly heldOut: number } & (
  | { readonly generate: GeneratorName }
  | { readonly file: string }
  | { readonly module: string }
);

/**
 * Opens the source of a run's prompts.
 * @param folder what the paths are relative to
 * @throws {UserError} `no-file`, `no-prompts`, `bad-generator`, `bad-prompt`
 */
export async function openSource(
  { prompts, seed }: { readonly prompts: PromptSettings; readonly seed: number },
  folder: string,
): Promise<PromptSource> {
  const { heldOut } = prompts;
  if ('generate' in prompts) return generatorSource(generators[prompts.generate], prompts.generate, { seed, heldOut });
  if ('module' in prompts) return moduleSource(resolve(folder, prompts.module), { seed, heldOut });
  return fileSource(resolve(folder, prompts.file), heldOut);
}
