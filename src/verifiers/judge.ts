import { digest } from '../support/digest.js';
import type { Judgement, Question } from './verifier.js';

/** A verifier of one kind with its settings, as a worker of the pool runs it. */
export interface Judge {
  /** Content hash of the kind, its version and its settings. */
  readonly hash: string;
  /** Settings for the worker, if they differ from those in the spec: paths made absolute. */
  readonly settings?: unknown;
  /** CPU seconds per item after which the worker is killed, well above the kind's own limits. */
  readonly seconds: number;
  /** Whether this machine can run it. Rejects with a `UserError` that says what is missing. */
  check?(): Promise<void>;
  /**
   * @param where names the reference's data in messages; `reference.data` by default
   * @param within restarts the deadline with that many CPU seconds, for a judge that works in steps
   */
  judge(question: Question, where?: string, within?: (seconds: number) => void): Judgement | Promise<Judgement>;
  /**
   * Rejects with a `UserError` if the item itself is broken, so that no completion could be judged. The question's
   * completion is empty. Default: `judge`, which needs the reference before it finds nothing to judge.
   */
  checkItem?(question: Question, where?: string, within?: (seconds: number) => void): unknown;
}

/** Default name of the reference's data in messages. */
export const DATA = 'reference.data';

// Part of the hash. Raise it with a change that can change a verdict.
const VERSION = '7';

/** Content hash of a kind and its settings. */
export const hashOf = (kind: string, settings: unknown): string => digest(kind, VERSION, JSON.stringify(settings));
