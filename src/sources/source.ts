import type { Message } from '../records/records.js';
import type { UserError } from '../support/errors.js';
import type { Position, TopicLog } from '../topics/log.js';

/** A task with everything known about it. Only `question` reaches the student. */
export interface SourceItem {
  readonly itemId: string;
  readonly question: string;
  /** What was said before the question, where it is part of a conversation. */
  readonly before?: readonly Message[];
  readonly answer: string;
  /** What the verifier needs besides the answer, such as tests or a schema, as JSON. */
  readonly data: string | null;
  /** A worked solution, for a privileged teacher. */
  readonly trace: string | null;
  /** Level of difficulty, as held-out accuracy is reported by. */
  readonly level?: string;
  /** Where it came from: `file:line` or the generator's name. */
  readonly source: string;
  /** Texts of other columns, where the reader asked for some. */
  readonly columns?: Readonly<Record<string, string>>;
}

/** What a source contains in place of a task, because it cannot be read. */
export interface BadItem {
  readonly source: string;
  readonly error: UserError;
}

/** What a source gives. */
export type Found = SourceItem | BadItem;

/** What is at a position of the source. Each position always contains the same. */
export interface Positioned<F extends Found | null = Found> {
  readonly position: bigint;
  /** The position after it. Default: one more. */
  readonly next?: bigint;
  /** How many times the source has been read to its end before. */
  readonly pass: number;
  /** null: nothing yet. */
  readonly found: F;
  /** The record that it is, where the source is a topic. */
  readonly at?: Position;
}

/** An endless stream of prompts, and the held-out items that it never contains. */
export interface PromptSource<F extends Found | null = Found> {
  /** @param log where a topic is read from */
  from(position: bigint, log?: TopicLog): AsyncIterable<Positioned<F>>;
  readonly heldOut: readonly SourceItem[];
  /** The share of questions that is held out, from 0 to 1; undefined where they are chosen in another way. */
  readonly heldOutShare?: number;
  /** Content hash of the file or module, or the generator's name. */
  readonly hash: string;
}

export const isBad = (found: Found): found is BadItem => 'error' in found;
