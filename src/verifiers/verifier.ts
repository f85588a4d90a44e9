import type { Disagreement, Reference, VerdictKind } from '../records/records.js';

export interface Question {
  readonly promptId: string;
  readonly itemId: string;
  /** What the student was asked. A verifier uses it to reject an echo. */
  readonly question: string;
  readonly completion: string;
  readonly reference: Pick<Reference, 'answer' | 'data'>;
}

/** What a verifier knows of an item before there is a completion. */
export type VerifierItem = Pick<Question, 'itemId' | 'question' | 'reference'>;

export interface Judgement {
  readonly verdict: VerdictKind;
  /** Usually 0 to 1. */
  readonly reward: number;
  /** One line; never quotes the reference. */
  readonly reason: string;
  /** Extracted answer, first failing test, diagnostics; never the reference. */
  readonly evidence: Readonly<Record<string, string>>;
}

/**
 * Judges completions. A wrong answer, however wrong, is a `Judgement`. A rejected promise means that the verifier
 * itself failed; the record becomes a dead letter.
 */
export interface Verifier {
  readonly name: string;
  /** Content hash of the code and the settings. The same hash means the same verdicts. */
  readonly hash: string;
  verify(question: Question, signal?: AbortSignal): Promise<Judgement>;
  /**
   * Rejects with a `UserError` if the item itself is broken, so that no completion could be judged. Absent if the
   * verifier cannot tell.
   *
   * @param where where the item came from, for messages
   */
  checkItem?(item: VerifierItem, where: string): Promise<void>;
  close(): Promise<void>;
}

/** The judgement of a verifier that a second one checks. */
export interface CheckedJudgement {
  /** The first verifier's. */
  readonly judgement: Judgement;
  /** Set if exactly one of the two says correct. */
  readonly disagreement?: Pick<Disagreement, 'judged' | 'checked'>;
}

/** Two verifiers judging the same record. */
export interface CheckedVerifier extends Verifier {
  judgeTwice(question: Question, signal?: AbortSignal): Promise<CheckedJudgement>;
}

export const isCheckedVerifier = (verifier: Verifier): verifier is CheckedVerifier => 'judgeTwice' in verifier;
