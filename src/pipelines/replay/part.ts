import { UserError } from '../../errors.js';
import type { LogRecord, TopicInfo } from '../../topics/log.js';
import { headerPlace } from '../wire.js';

/** Which records of a topic are replayed. Groups are taken whole or left out. */
export interface Part {
  readonly fromOffset?: bigint;
  /** Milliseconds since the epoch at which the log took the record. */
  readonly fromTime?: number;
  /** The first step. */
  readonly fromStep?: number;
  /** One past the last step. */
  readonly toStep?: number;
  /** Of the prompt's id. */
  readonly filter?: RegExp;
}

/** Whether every step up to the last one is there in full, so that it can be trained on. */
export const isTrainable = ({ fromOffset = 0n, fromTime, fromStep = 0, filter }: Part): boolean =>
  fromOffset === 0n && fromTime === undefined && fromStep === 0 && filter === undefined;

/** Tells of each record, in the order of its topic, whether it belongs to the part. */
export function inPart({ fromOffset = 0n, fromTime = 0, fromStep = 0, toStep = Infinity, filter }: Part) {
  const cut = new Set<string>();
  return (record: LogRecord): boolean => {
    if (record.offset < fromOffset || record.timestamp < fromTime) cut.add(record.key);
    const step = headerPlace(record)?.step ?? 0;
    return !cut.has(record.key) && step >= fromStep && step < toStep && (filter?.test(record.key) ?? true);
  };
}

/**
 * Makes sure that the part begins no earlier than what is left of the topic.
 * @throws {UserError} `deleted-head`
 */
export function checkHead({ name, bounds, compact }: TopicInfo, { fromOffset = 0n }: Part = {}): void {
  if (compact) return;
  for (const [partition, { start }] of bounds.entries())
    if (start > fromOffset)
      throw new UserError(
        'deleted-head',
        `topic ${name}, partition ${partition}: its records before offset ${start} were deleted, expected all from ${fromOffset} on; begin with a later topic, or with --from-offset ${start}`,
      );
}
