import type { Pending } from '../runtime/stage.js';

/** A run that has stopped moving. */
export interface Stall {
  /** Since something was last finished or committed in this process. */
  readonly seconds: number;
  /** What is in work or awaited, stage by stage, the oldest first. */
  readonly waits: readonly Wait[];
}

export interface Wait extends Pending {
  readonly stage: string;
}

export interface StallSettings {
  /** Milliseconds on a clock that never jumps. */
  readonly now: () => number;
  /** When something was last finished, on the same clock. */
  readonly lastProgress: () => number;
  readonly waits: () => readonly Wait[];
  readonly onStall: (stall: Stall) => void;
  /** @param seconds how long nothing was finished */
  readonly onMoving: (seconds: number) => void;
}

/** Milliseconds without progress after which a run says what it waits for: within a minute, looks included. */
const QUIET_MS = 45_000;
/** Milliseconds between two looks. */
export const LOOK_MS = 5_000;
/** Milliseconds after which a stall is said again. */
const AGAIN_MS = 600_000;
/** Waits of a stage that are named. */
const NAMED = 3;

/**
 * Notices that a run does not move. @returns the look to repeat every `LOOK_MS`
 */
export function stallWatch({ now, lastProgress, waits, onStall, onMoving }: StallSettings): () => void {
  /** The progress before the stall, and when it was last said. */
  let stalled: { readonly from: number; said: number } | undefined;
  return () => {
    const from = lastProgress();
    if (stalled && from > stalled.from) {
      onMoving((from - stalled.from) / 1000);
      stalled = undefined;
    }
    const at = now();
    if (at - from < QUIET_MS || (stalled && at - stalled.said < AGAIN_MS)) return;
    stalled = { from, said: at };
    onStall({ seconds: (at - from) / 1000, waits: waits() });
  };
}

/** What stages wait for; where none has anything in work, that there is nothing to read. */
export function waitsOf(
  stages: readonly { readonly name: string; readonly input: string; readonly pending: readonly Pending[] }[],
  versions: readonly { readonly learner: string; readonly awaited: readonly number[] }[],
  idleSince: number,
): Wait[] {
  const waits = stages.flatMap(({ name, pending }) => {
    const named = pending.slice(0, NAMED).map((one) => ({ stage: name, ...one }));
    const more = pending.length - named.length;
    const rest = pending[NAMED];
    return rest ? [...named, { stage: name, what: `and ${more} more`, since: rest.since }] : named;
  });
  const awaited = versions.flatMap(({ learner, awaited: [least] }) =>
    least === undefined
      ? []
      : [{ stage: learner, what: `waits for version ${least} to be published`, since: idleSince }],
  );
  if (waits.length + awaited.length > 0) return [...waits, ...awaited];
  return stages.map(({ name, input }) => ({ stage: name, what: `waits for records of ${input}`, since: idleSince }));
}

/** A stall in one line per wait. */
export function stallLines({ seconds, waits }: Stall): string[] {
  return [
    `nothing was finished for ${Math.round(seconds)} s`,
    ...waits.map(({ stage, what, since }) => `  ${stage}: ${what}, since ${new Date(since).toISOString()}`),
  ];
}
