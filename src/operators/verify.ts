import { mergeMap, type OperatorFunction } from 'rxjs';
import type { Disagreement, Message, Reference, Rollout, Verdict } from '../records/records.js';
import type { CheckedVerifier, Question, Verifier } from '../verifiers/verifier.js';
import { abortable } from './internal/abortable.js';
import { positiveInteger } from './internal/settings.js';

export interface VerifySettings {
  /** Looks up an item's reference. Reject where there is none: a rollout that cannot be judged must not score 0. */
  readonly reference: (itemId: string) => Promise<Pick<Reference, 'answer' | 'data'>>;
  /** Rollouts judged at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
  /** Receives each rollout on which the two verifiers of a `checked` verifier disagree. */
  readonly disagreed?: (disagreement: Disagreement) => void;
}

type Judged = Omit<Verdict, keyof Rollout>;
/** A rollout with its verdict; further fields of the rollout pass through. */
export type Verified<R extends Rollout> = Omit<R, keyof Judged> & Judged;

/** The last message of the user. */
export function lastQuestion(messages: readonly Message[]): string {
  return messages.findLast((message) => message.role === 'user')?.content ?? '';
}

const isChecked = (verifier: Verifier): verifier is CheckedVerifier => 'judgeTwice' in verifier;

/**
 * Judges each rollout. A wrong answer is a verdict. An error of the verifier itself is an error of the stream; wrap the
 * operator in `deadLetter` to continue after it. Unsubscribing aborts the verifier's signal.
 *
 * @throws {RangeError} unless `concurrency` is a positive integer.
 * @example
 * rollouts$.pipe(verify(await createVerifier({ math: {} }), { reference: async (id) => references.get(id) }));
 */
export function verify<R extends Rollout = Rollout>(
  verifier: Verifier,
  settings: VerifySettings,
): OperatorFunction<R, Verified<R>> {
  const { reference, disagreed } = settings;
  const concurrency = positiveInteger('concurrency', settings.concurrency ?? 1);
  const judge = async (rollout: R, question: Question, signal: AbortSignal) => {
    if (!disagreed || !isChecked(verifier)) return verifier.verify(question, signal);
    const { judgement, disagreement } = await verifier.judgeTwice(question, signal);
    if (disagreement) disagreed({ ...rollout, ...disagreement });
    return judgement;
  };
  const verdict = async (rollout: R, signal: AbortSignal): Promise<Verified<R>> => {
    const question = {
      promptId: rollout.promptId,
      itemId: rollout.itemId,
      question: lastQuestion(rollout.messages),
      completion: rollout.completion,
      reference: await reference(rollout.itemId),
    };
    signal.throwIfAborted();
    const judgement = await judge(rollout, question, signal);
    return { ...rollout, ...judgement, verifier: verifier.name, verifierHash: verifier.hash };
  };
  return mergeMap((rollout: R) => abortable((signal) => verdict(rollout, signal)), concurrency);
}
