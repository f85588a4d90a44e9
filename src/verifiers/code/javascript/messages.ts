import type { Limits } from '../../sandbox/limits.js';
import type { Outcome } from '../outcome.js';
import type { OutputCase } from '../tests.js';

// Messages between run.ts or asserted.ts and the thread.

export interface Work {
  readonly script: string;
  readonly limits: Limits;
  readonly cases: readonly OutputCase[];
  /** The first case to run. */
  readonly from: number;
  /** False: stop at the first case that does not pass. */
  readonly all: boolean;
}

/** A script whose names are asked for by tests, one question after the other. */
export interface Served {
  readonly script: string;
  readonly limits: Limits;
  /** Incremented with each message that the thread gets, which it may wait for. */
  readonly signal: Int32Array;
}

export type ToThread = Work | Served | { readonly question: string } | { readonly reply: string };

export type FromThread =
  | { readonly ready: true }
  | { readonly total: number }
  | { readonly outcome: Outcome }
  | { readonly over: true }
  | { readonly loaded: true }
  | { readonly answer: string; readonly news: string }
  | { readonly callback: string }
  | { readonly ended: Outcome }
  | { readonly error: string };
