import type { Limits } from '../../sandbox/limits.js';
import type { Outcome } from '../outcome.js';
import type { OutputCase } from '../tests.js';

// Messages between run.ts and its thread.

/** Assertions or a test file, ready for the engine. */
export interface AssertedTests {
  readonly kind: 'asserted';
  /** The script's top-level names. */
  readonly names: readonly string[];
  readonly assertions?: readonly string[];
  readonly file?: string;
  readonly entryPoint?: string;
}

export interface Work {
  readonly script: string;
  readonly tests: { readonly kind: 'output'; readonly cases: readonly OutputCase[] } | AssertedTests;
  readonly limits: Limits;
  /** The first test to run. */
  readonly from: number;
  /** False: stop at the first test that does not pass. */
  readonly all: boolean;
}

export type FromThread =
  | { readonly ready: true }
  | { readonly total: number }
  | { readonly outcome: Outcome }
  | { readonly over: true }
  | { readonly error: string };
