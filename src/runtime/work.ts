import { type Unit, type UnitProgress, unitProgress } from '../operators/internal/unit.js';
import type { Append, LogRecord } from '../topics/log.js';
import type { Place } from '../topics/record-codec.js';

/** A record that has been read and is not committed yet. */
export interface Entry<T> {
  readonly record: LogRecord;
  /** null for a gap marker, a duplicate, or bytes that cannot be decoded. */
  readonly value: T | null;
  readonly place: Place | undefined;
  /**
   * Whether it holds credit until it is committed. A record that needs no work must not stop the stage from reading.
   */
  readonly takesCredit: boolean;
  readonly work: Work<T>;
}

/** A unit in progress: collected, then run, then committed. */
export interface Work<T> {
  readonly key: string;
  /** The training step of the unit, 0 where units are not steps. */
  readonly step: number;
  /** When its first record was read, or its operator started: milliseconds since the epoch. */
  since: number;
  readonly entries: Entry<T>[];
  readonly progress: UnitProgress;
  appends: Append[];
  finished: boolean;
  /** Its partition was revoked, so its outcome is of no use. */
  revoked: boolean;
}

export function newWork<T>(key: string, step = 0, groups = 1, since = 0): Work<T> {
  const progress = unitProgress(groups);
  return { key, step, since, entries: [], progress, appends: [], finished: false, revoked: false };
}

/** A unit in words: its samples, its group, or its step. */
export function nameOfWork<T>(unit: Unit, { key, step, entries }: Work<T>): string {
  if (unit === 'step') return `step ${step}`;
  const place = entries[0]?.place;
  if (!place) return `record ${key}`;
  const sample = unit === 'record' && place.sampleIndex !== null ? `, sample ${place.sampleIndex}` : '';
  return `step ${place.step}, prompt ${place.promptId}${sample}`;
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
