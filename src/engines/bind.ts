import type { z } from 'zod';
import { digest } from '../support/digest.js';
import { containsReference, revealAll } from '../support/secrets.js';
import { parseSettings } from '../support/settings.js';
import type { Engine, EngineDefinition } from './engine.js';

export interface BindOptions {
  /** Where the settings were written, for messages. Default: `model.engine.NAME`. */
  readonly where?: string;
  /** What paths in the settings are relative to. Default: the working directory. */
  readonly folder?: string;
  /** Content hash of the module that the definition is from; becomes part of the engine's id. */
  readonly moduleHash?: string;
}

/** Keeps the types of a definition. */
export function defineEngine<Settings extends z.ZodType, const Name extends string>(
  definition: EngineDefinition<Settings, Name>,
): EngineDefinition<Settings, Name> {
  return definition;
}

/**
 * Checks the settings of an engine and makes the engine.
 * @throws {UserError} `bad-settings` with every problem: field, found, expected
 * @example bindEngine(onnxDefinition, { rows: 32 })
 */
export function bindEngine(definition: EngineDefinition, input: unknown, options: BindOptions = {}): Engine {
  const { name, reach = [] } = definition;
  const { where = `model.engine.${name}`, folder = process.cwd(), moduleHash } = options;
  const settings = parseSettings(definition.settings, revealAll(input, where, folder), where);
  // The id is recorded, so it must not follow from the secrets themselves.
  const written = JSON.stringify(without(reach, containsReference(input) ? input : settings));
  const hash = moduleHash === undefined ? digest(written) : digest(written, moduleHash);
  return { ...definition.create(settings, { folder }), name, id: `${name}@${hash.slice(0, 16)}` };
}

/** An object without some of its fields. */
export const without = (fields: readonly string[], value: unknown): unknown =>
  fields.length === 0 || typeof value !== 'object' || value === null
    ? value
    : Object.fromEntries(Object.entries(value).filter(([field]) => !fields.includes(field)));
