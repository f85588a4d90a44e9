import type { OnDeadLetter } from '../../runtime/stage.js';
import { digest } from '../../support/digest.js';
import type { UserError } from '../../support/errors.js';
import type { Append, Position } from '../../topics/log.js';
import { toAppend } from '../../topics/record-codec.js';

interface Environment {
  /** The stage's name. */
  readonly name: string;
  readonly run: string;
  readonly now: () => number;
  readonly onDeadLetter?: OnDeadLetter;
}

/** The dead letter of something in a source that cannot be used. It names the place and quotes nothing. */
export function problemAppend(
  { source, error, at }: { readonly source: string; readonly error: UserError; readonly at: Position },
  { name, run, now, onDeadLetter }: Environment,
): Append {
  onDeadLetter?.(name, error.code, error.message, at);
  return toAppend('dead-letters', {
    run,
    id: digest(name, source, error.message).slice(0, 16),
    stage: name,
    cause: error.code,
    error: error.message,
    ...at,
    key: source,
    // The line may contain privileged text; its place in the file is enough to find it.
    value: null,
    headers: {},
    attempts: 1,
    time: now(),
  });
}
