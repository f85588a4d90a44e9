import { UserError } from '../../support/errors.js';
import type { Locate } from '../spec/parse.js';
import { pipelineSchema } from '../spec/spec.js';

/** A problem that begins with a field of the spec, such as `publish.every: found 2`. */
const FIELD = /^([A-Za-z]+)((?:\.[\w+-]+|\[\d+\])*): /;

/**
 * Problems as single lines; each that is about a field of the spec begins with the place where that is written.
 * @param locate undefined for a spec that was not read from a file
 */
export function placed(problem: string, locate: Locate | undefined): string[] {
  return problem.split('\n').map((line) => {
    const [, first = '', rest = ''] = FIELD.exec(line) ?? [];
    if (!locate || !Object.hasOwn(pipelineSchema.shape, first)) return line;
    const path = rest.split(/[.[\]]/).filter((key) => key !== '');
    return `${locate([first, ...path])}: ${line}`;
  });
}

/**
 * Does things that do not depend on each other.
 * @throws {UserError} with the problems of all that failed, if all of them are the user's
 */
export async function allOrProblems<T extends readonly unknown[]>(
  work: { readonly [K in keyof T]: Promise<T[K]> },
  locate: Locate | undefined,
): Promise<T> {
  const results = await Promise.allSettled(work);
  const reasons = results.flatMap((result): unknown[] => (result.status === 'rejected' ? [result.reason] : []));
  const errors = reasons.filter((reason) => reason instanceof UserError);
  const [first] = errors;
  if (!first || errors.length < reasons.length) return Promise.all(work) as Promise<unknown> as Promise<T>;
  throw new UserError(first.code, errors.flatMap(({ message }) => placed(message, locate)).join('\n'));
}
