import { mergeMap, type OperatorFunction } from 'rxjs';
import type { Disagreement, Message, Reference, Rollout, Verdict } from '../records/records.js';
import type { CheckedVerifier, Verifier } from '../verifiers/verifier.js';

export interface VerifySettings {
  /** The reference of an item. @throws when there is none: a rollout that cannot be judged is a dead letter, not a zero. */
  readonly reference: (itemId: string) => Promise<Pick<Reference, 'answer' | 'data'>>;
  /** Rollouts judged at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
  /** Told of each rollout that two verifiers judge differently, where the verifier is `checked`. */
  readonly disagreed?: (disagreement: Disagreement) => void;
}

/** The text of the last thing that the user said. */
export function lastQuestion(messages: readonly Message[]): string {
  return messages.findLast((message) => message.role === 'user')?.content ?? '';
}

const isChecked = (verifier: Verifier): verifier is CheckedVerifier => 'judgeTwice' in verifier;

/**
 * Judges each rollout. A wrong answer is a verdict; an error of the verifier itself is an error of the stream, to be caught
 * around this operator (`deadLetter`).
 *
 * @example
 * rollouts$.pipe(verify(await createVerifier({ math: {} }), { reference: async (id) => references.get(id) }));
 */
export function verify(verifier: Verifier, settings: VerifySettings): OperatorFunction<Rollout, Verdict> {
  const { reference, concurrency = 1, disagreed } = settings;
  return mergeMap(async (rollout: Rollout) => {
    const asked = {
      promptId: rollout.promptId,
      itemId: rollout.itemId,
      question: lastQuestion(rollout.messages),
      completion: rollout.completion,
      reference: await reference(rollout.itemId),
    };
    if (!disagreed || !isChecked(verifier))
      return { ...rollout, ...(await verifier.verify(asked)), verifier: verifier.name, verifierHash: verifier.hash };
    const { judgement, disagreement } = await verifier.judgeTwice(asked);
    if (disagreement) disagreed({ ...rollout, ...disagreement });
    return { ...rollout, ...judgement, verifier: verifier.name, verifierHash: verifier.hash };
  }, concurrency);
}
