import { UserError } from '../../support/errors.js';
import type { ModelOptions } from '../engine.js';
import { addressesOf } from '../served/settings.js';
import type { VllmSettings } from './settings.js';

/** Prompt log-probabilities are of temperature 1 in every mode. */
export const scoreProblem = (temperature: number): string =>
  `rollout.temperature: found ${temperature}, under which vLLM gives no log-probabilities of a prompt; a teacher on ` +
  'vLLM needs temperature 1';

interface Place {
  readonly urls: readonly string[];
  readonly field: string;
}

/** Where the settings put sampling and scoring. @throws {UserError} `bad-settings` */
export function placesOf(
  settings: Pick<VllmSettings, 'url' | 'urls' | 'teacher'>,
  { isTeacher = false }: Pick<ModelOptions, 'isTeacher'>,
): { readonly policy: Place; readonly teacher: Place | undefined } {
  const field = 'model.engine.vllm';
  const own = { urls: addressesOf(settings, field), field: `${field}.url` };
  const teacher = settings.teacher && {
    urls: addressesOf(settings.teacher, `${field}.teacher`),
    field: `${field}.teacher.url`,
  };
  if (!isTeacher) return { policy: own, teacher };
  if (!teacher)
    throw new UserError(
      'bad-settings',
      `${field}.teacher: is missing; teach.model is another model than the policy, so it needs servers of its own`,
    );
  return { policy: teacher, teacher: undefined };
}
