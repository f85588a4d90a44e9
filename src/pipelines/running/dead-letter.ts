import type { DeadLetter } from '../../records/records.js';
import type { Side, StageEnvironment } from '../../runtime/stage.js';
import { digest } from '../../support/digest.js';
import { redactMessage } from '../../support/secrets.js';

/** A failure that belongs to no single record of the stage's input. */
export type Failure = Pick<DeadLetter, 'stage' | 'cause' | 'error' | 'id' | 'key' | 'topic'>;

/** Emits a dead letter for it, and reports it. The same failure has the same id. */
export function emitDeadLetter(
  { run, now, onDeadLetter }: Pick<StageEnvironment, 'run' | 'now' | 'onDeadLetter'>,
  side: Pick<Side, 'emit'>,
  failure: Failure,
): void {
  const { stage, cause } = failure;
  const error = redactMessage(failure.error);
  onDeadLetter?.(stage, cause, error);
  const id = digest(cause, failure.id).slice(0, 16);
  const nowhere = { partition: 0, offset: -1n, value: null, headers: {} };
  side.emit('dead-letters', { ...failure, error, ...nowhere, run, id, attempts: 1, time: now() });
}
