import type { Append, LogRecord } from '../topics/log.js';
import type { Place } from '../topics/record-codec.js';

/** A record that was read and not yet committed. */
export interface Entry<T> {
  readonly record: LogRecord;
  /** null: a gap marker, or bytes that could not be read. */
  readonly value: T | null;
  readonly place: Place | undefined;
  readonly work: Work<T>;
}

/** A unit on its way: collected, then run, then committed. */
export interface Work<T> {
  readonly key: string;
  readonly step: number;
  readonly entries: Entry<T>[];
  /** Samples seen of each prompt. */
  readonly seen: Map<string, number>;
  /** Prompts whose group is complete. */
  groups: number;
  appends: Append[];
  finished: boolean;
  revoked: boolean;
}

export function newWork<T>(key: string, step: number): Work<T> {
  return { key, step, entries: [], seen: new Map(), groups: 0, appends: [], finished: false, revoked: false };
}

/** Counts the entry into its unit. */
export function join<T>(entry: Entry<T>): void {
  const { work, place } = entry;
  work.entries.push(entry);
  if (!place) return;
  const seen = (work.seen.get(place.promptId) ?? 0) + (place.sampleIndex === null ? place.groupSize : 1);
  work.seen.set(place.promptId, seen);
  if (seen === place.groupSize) work.groups++;
}

/** Length of the longest beginning of the window that is finished and cuts no unit in two. */
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

/** Length of the longest beginning of the window that is finished. */
export function finishedCut<T>(window: readonly Entry<T>[]): number {
  const at = window.findIndex((entry) => !entry.work.finished);
  return at < 0 ? window.length : at;
}
