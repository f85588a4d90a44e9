import type { z } from 'zod';
import { clippedPolicy } from '../losses/clipped-policy.js';
import { digest } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { containsReference, revealAll } from '../support/secrets.js';
import { parseSettings } from '../support/settings.js';
import { checkGroup, checkShaped } from './check-group.js';
import type { JudgedGroup, Method, MethodBehavior, MethodDefinition, TeacherNeed } from './method.js';

export interface BindMethodOptions {
  /** Where the settings were written, for messages. Default: `shape.NAME`. */
  readonly where?: string;
  /** What paths in the settings are relative to. Default: the working directory. */
  readonly folder?: string;
  /** Content hash of the module that the definition is from; becomes part of the method's id. */
  readonly moduleHash?: string;
}

/** Keeps the types of a definition. */
export function defineMethod<Settings extends z.ZodType, Need extends TeacherNeed, const Name extends string>(
  definition: MethodDefinition<Settings, Need, Name>,
): MethodDefinition<Settings, Need, Name> {
  return definition;
}

/**
 * Checks the settings of a method and makes the method. Its `shape` checks what it is given and what it returns.
 *
 * @throws {UserError} `bad-settings` with every problem: field, found, expected.
 * @throws {RangeError} when the definition contradicts itself, such as `topK` without `k`.
 * @example bindMethod(rlsdDefinition, { lambda: 1, weightClip: [0.8, 2] })
 */
export function bindMethod<Settings extends z.ZodType, Need extends TeacherNeed>(
  definition: MethodDefinition<Settings, Need>,
  input: unknown,
  options: BindMethodOptions = {},
): Method<Need> {
  const { name, statistics } = definition;
  const { where = `shape.${name}`, folder, moduleHash } = options;
  const settings = parseSettings(definition.settings, revealAll(input, where, folder), where);
  const behavior = definition.create(settings);
  checkBehavior(name, behavior);
  // The id is recorded, so it must not follow from the secrets themselves.
  const fingerprint = containsReference(input)
    ? JSON.stringify(input)
    : (definition.fingerprint?.(settings) ?? JSON.stringify(settings));
  const hash = moduleHash === undefined ? digest(fingerprint) : digest(fingerprint, moduleHash);
  const method: Method<Need> = {
    loss: clippedPolicy.create(),
    ...behavior,
    name,
    id: `${name}@${hash.slice(0, 16)}`,
    statistics,
    shape(group, step) {
      checkGroup(method, group);
      const shaped =
        moduleHash === undefined ? behavior.shape(group, step) : shapedByModule(name, behavior, group, step);
      checkShaped(method, group, shaped);
      return shaped;
    },
  };
  return method;
}

/** The error of a user's own code names the group; that of this package's keeps its stack. */
function shapedByModule(name: string, behavior: MethodBehavior, group: JudgedGroup, step: number) {
  try {
    return behavior.shape(group, step);
  } catch (error) {
    if (error instanceof UserError) throw error;
    const problem = error instanceof Error ? error.message : String(error);
    throw new UserError(
      'bad-method',
      `group of sample ${group.samples[0]?.id}: method ${name}: shape threw: ${problem}`,
    );
  }
}

function checkBehavior(name: string, { teacher, siblingContext }: MethodBehavior): void {
  if (teacher.scores === 'none') return;
  const { scores, k, context, contrast } = teacher;
  if (scores === 'topK' && k !== 'all' && !(k !== undefined && Number.isInteger(k) && k > 0))
    throw new RangeError(
      `method ${name}: teacher.k: found ${k}, expected a whole number from 1, or 'all', for topK scores`,
    );
  if (contrast && !(scores === 'sampled' && context === 'privileged'))
    throw new RangeError(
      `method ${name}: teacher.contrast: found ${contrast} with ${scores} scores under ${context} context, ` +
        'expected it with sampled scores under privileged context',
    );
  if (context === 'siblings' && !siblingContext)
    throw new RangeError(`method ${name}: siblingContext is missing, expected a function for context 'siblings'`);
}
