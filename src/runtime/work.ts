import { type UnitProgress, unitProgress } from '../operators/internal/unit.js';
import type { Append, LogRecord } from '../topics/log.js';
import type { Place } from '../topics/record-codec.js';

/** A record that has been read and is not committed yet. */
export interface Entry<T> {
  readonly record: LogRecord;
  /** null for a gap marker, a duplicate, or bytes that cannot be decoded. */
  readonly value: T | null;
  readonly place: Place | undefined;
  readonly work: Work<T>;
}

/** A unit in progress: collected, then run, then committed. */
export interface Work<T> {
  readonly key: string;
  /** The training step of the unit, 0 where units are not steps. */
  readonly step: number;
  readonly entries: Entry<T>[];
  readonly progress: UnitProgress;
  appends: Append[];
  finished: boolean;
  /** Its partition was revoked, so its outcome is of no use. */
  revoked: boolean;
}

export function newWork<T>(key: string, step = 0, groups = 1): Work<T> {
  return { key, step, entries: [], progress: unitProgress(groups), appends: [], finished: false, revoked: false };
}

/** How many records at the head of the window are finished, without splitting a unit. */
export function cleanCut<T>(window: readonly Entry<T>[]): number {
  const begun = new Map<Work<T>, number>();
  let cut = 0;
  for (const [i, { work }] of window.entries()) {
    if (!work.finished) break;
    const left = (begun.get(work) ?? work.entries.length) - 1;
    if (left > 0) begun.set(work, left);
    else begun.delete(work);
    if (begun.size === 0) cut = i + 1;
  }
  return cut;
}

/** How many records at the head of the window are finished. */
export function finishedCut<T>(window: readonly Entry<T>[]): number {
  const at = window.findIndex((entry) => !entry.work.finished);
  return at < 0 ? window.length : at;
}
