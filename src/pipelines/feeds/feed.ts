import type { Append } from '../../topics/log.js';

/** How far one source was read. */
export interface SourcePlace {
  /** Where its next prompt is. */
  readonly position: bigint;
  /** Prompts that it gave. */
  readonly count: bigint;
}

/** How far each source was read, by task. A pipeline without `tasks` has one source, under ''. */
export type Places = ReadonlyMap<string, SourcePlace>;

/** One prompt, or something unreadable in its place. */
export interface Fed {
  /** Where to continue after it. */
  readonly next: Places;
  /** Whether it is a prompt of the run: it takes a number. */
  readonly counts: boolean;
  /** The records to write for it, given its number in the run and its step. */
  readonly appends: (sequence: bigint, step: number) => Promise<readonly Append[]>;
}

/** What a run begins with: prompts to sample, or samples recorded earlier. Ends when there is nothing more to write. */
export interface Feed {
  /** null: nothing yet. @param signal ends the waiting for more */
  from(places: Places, signal: AbortSignal): AsyncIterable<Fed | null>;
  /** Called before each step. */
  catchUp(): Promise<unknown>;
}

const nowhere: SourcePlace = { position: 0n, count: 0n };

/** How far one source was read; not at all where the places do not name it. */
export const placeIn = (places: Places, task: string): SourcePlace => places.get(task) ?? nowhere;
