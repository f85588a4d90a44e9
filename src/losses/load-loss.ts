import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { revealAll } from '../support/secrets.js';
import { checkLoss } from './check-loss.js';
import type { Loss, LossDefinition } from './loss.js';
import { isLossModule, type LossSpec, namedLoss } from './loss-spec.js';

const EXPECTED = 'expected `export default defineLoss({ name, summary, settings, needsAdvantage, build })`';

/** What a module's default export has to look like before it is trusted to be a definition. */
const definition = z.looseObject({
  name: z.string(),
  create: z.custom<LossDefinition['create']>((value) => typeof value === 'function'),
});

/**
 * The loss that `learn.loss` names. A module's loss is checked before it is trained with: its gradient against finite
 * differences of its value.
 * @param folder what the module's path is relative to
 * @throws {UserError} `bad-loss` naming file, found and expected; `unknown-loss`; `bad-loss-settings`
 */
export async function loadLoss(spec: LossSpec, folder: string): Promise<Loss> {
  if (!isLossModule(spec)) return namedLoss(spec);
  const { module, ...settings } = spec;
  const file = resolve(folder, module);
  const bad = (problem: string): UserError => new UserError('bad-loss', `learn.loss.module: ${file}: ${problem}`);
  let exported: { readonly default?: unknown };
  try {
    exported = await import(pathToFileURL(file).href);
  } catch (error) {
    throw bad(`cannot be loaded: ${messageOf(error)}`);
  }
  const found = definition.safeParse(exported.default);
  if (!found.success) throw bad(`its default export is no loss; ${EXPECTED}`);
  const loss = found.data.create(revealAll(settings, 'learn.loss', folder));
  try {
    checkLoss(loss);
  } catch (error) {
    throw bad(messageOf(error));
  }
  return loss;
}

/**
 * Content hash of the module that `learn.loss` names; undefined where it names none.
 * @throws {UserError} `bad-loss` when the file cannot be read
 */
export function lossModuleHash(spec: LossSpec | undefined, folder: string): string | undefined {
  if (spec === undefined || !isLossModule(spec)) return undefined;
  const file = resolve(folder, spec.module);
  try {
    return digest(readFileSync(file));
  } catch (error) {
    throw new UserError('bad-loss', `learn.loss.module: ${file}: cannot be read: ${messageOf(error)}`);
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
