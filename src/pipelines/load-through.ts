import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { fileDigest } from '../models/safetensors.js';
import { UserError } from '../support/errors.js';
import type { PipelineSpec } from './spec.js';
import type { Plan, Through } from './stages/definition.js';

const EXPECTED = 'expected a function without arguments that gives an RxJS operator, as in export default () => map(…)';

/**
 * The user's operators that a spec names: modules whose default export is a function that gives the RxJS operator.
 * @throws {UserError} `bad-operator`
 */
export async function loadThrough(spec: PipelineSpec, folder: string): Promise<Through[]> {
  return Promise.all(
    Object.entries(spec.through).map(async ([topic, path]) => {
      const file = resolve(folder, path);
      let operator: unknown;
      try {
        operator = ((await import(pathToFileURL(file).href)) as { default?: unknown }).default;
      } catch (error) {
        throw new UserError('bad-operator', `through.${topic}: ${file} cannot be loaded: ${(error as Error).message}`);
      }
      if (typeof operator !== 'function')
        throw new UserError(
          'bad-operator',
          `through.${topic}: ${file} has ${operator === undefined ? 'no default export' : `a default export that is a ${typeof operator}`}, expected a function that gives an RxJS operator`,
        );
      let gives: unknown;
      try {
        gives = operator();
      } catch (error) {
        throw new UserError('bad-operator', `through.${topic}: ${file}: ${(error as Error).message}; ${EXPECTED}`);
      }
      if (typeof gives !== 'function') {
        const given = gives === undefined ? 'nothing' : `a ${typeof gives}`;
        throw new UserError('bad-operator', `through.${topic}: ${file}: the default export gave ${given}; ${EXPECTED}`);
      }
      const name = path.replace(/^.*\//, '').replace(/\.[^.]*$/, '');
      return { topic, name, operator } as unknown as Through;
    }),
  );
}

/** Content hash of each module that the spec names, by topic. */
export function throughHashes({ spec, folder }: Plan): Record<string, string> {
  return Object.fromEntries(
    Object.entries(spec.through).map(([topic, path]) => [topic, fileDigest(resolve(folder, path))]),
  );
}
