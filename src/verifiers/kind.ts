import { z } from 'zod';
import { check } from '../support/check.js';
import { ExactNumber } from '../support/exact-json.js';
import type { Judge } from './judge.js';
import type { Verifier } from './verifier.js';

/** Where a verifier is declared. */
export interface Place {
  /** For messages: `verify.math`. */
  readonly where: string;
  /** What paths in the settings are relative to. */
  readonly folder: string;
}

/** The id of a line of `rlsd verify`; a number as it was written. */
export const lineId = z.union([
  z.string(),
  z.number().transform(String),
  z.instanceof(ExactNumber).transform(({ text }) => text),
]);

/** The fields of one input line of `rlsd verify KIND`, besides `id` and `completion`. */
export interface LineFields {
  /** Whether a line has the reference `answer`. */
  readonly answer: 'none' | 'optional' | 'required';
  /** Fields of the reference's data. */
  readonly data: readonly string[];
  /** Settings of the kind that a line may give. `language` is one of `languages`. */
  readonly settings: readonly string[];
}

/** What `rlsd verify` prints for one line. */
export interface VerifiedLine {
  readonly id: string;
  readonly verdict: string;
  readonly reward: number;
  readonly reason: string;
}

interface Described<S> {
  readonly name: string;
  /** What `correct` means, for the documentation. */
  readonly summary: string;
  readonly settings: z.ZodType<S>;
}

/** A kind whose items are judged in the pool of worker processes. */
export interface PooledKind<S = unknown> extends Described<S> {
  readonly runs: 'in the pool';
  /** Most items take less time than a message between two processes, so the pool sends several at once. */
  readonly quick: boolean;
  /** Absent if `rlsd verify` does not offer the kind. */
  readonly line?: LineFields;
  /** Loads what the kind needs. Called in the process that opens the verifier and in each worker. */
  open(settings: S, place: Place): Promise<Judge>;
}

/** A kind that only waits for someone else, in the process that opens it. */
export interface LocalKind<S = unknown> extends Described<S> {
  readonly runs: 'here';
  open(settings: S, place: Place): Promise<Verifier>;
}

/**
 * One kind of verifier: `verify: { <name>: <settings> }`. The spec's check, the JSON Schema, the tables in
 * docs/verifiers.md and `rlsd verify` follow from the list in registry.ts.
 */
export type VerifierKind<S = unknown> = PooledKind<S> | LocalKind<S>;

/** Checks the settings, then opens the kind. @throws {UserError} that names the field */
export const openJudge = async (kind: PooledKind, settings: unknown, place: Place): Promise<Judge> =>
  kind.open(check(kind.settings, settings, place.where), place);
