import type { Judge } from '../../src/verifiers/judge.js';
import type { VerifiedLine } from '../../src/verifiers/kind.js';
import { openJudge } from '../../src/verifiers/kind.js';
import { lineVerifiers } from '../../src/verifiers/lines.js';
import { pooledKind } from '../../src/verifiers/registry.js';
import type { Question } from '../../src/verifiers/verifier.js';

/** A question whose reference is `answer`. */
export const ask = (completion: string, answer = '', data: object | null = null): Question => ({
  promptId: 'p',
  itemId: 'i',
  question: '',
  completion,
  reference: { answer, data: data === null ? null : JSON.stringify(data) },
});

/** A verifier of one kind, run in this process instead of the pool. */
export const open = (kind: string, settings: object = {}): Promise<Judge> =>
  openJudge(pooledKind(kind), settings, { where: `verify.${kind}`, folder: '.' });

/** Judges one line of `rlsd verify KIND`. */
export async function judgeLine(kind: string, line: unknown, source = 'f', number = 1): Promise<VerifiedLine> {
  const verify = lineVerifiers[kind];
  if (!verify) throw new Error(`rlsd verify has no kind ${kind}`);
  return verify(line, source, number);
}
