import type { VerdictKind } from '../records/records.js';
import { optional, readChoice, readNumber, readObject, readString } from './fields.js';
import type { Judgement } from './verifier.js';

export const verdictKinds: readonly VerdictKind[] = [
  'correct',
  'incorrect',
  'unparseable',
  'timeout',
  'crash',
  'denied',
];

/** Reads a judgement that someone else's code gave: `{"verdict", "reward", "reason", "evidence"}`, the last two optional. */
export function readJudgement(value: unknown, where: string): Judgement {
  const fields = readObject(value, where, ['verdict', 'reward', 'reason', 'evidence']);
  const evidence = optional(fields, 'evidence', () => readObject(fields.evidence, `${where}: evidence`), {});
  return {
    verdict: readChoice(fields, 'verdict', where, verdictKinds),
    reward: readNumber(fields, 'reward', where),
    reason: optional(fields, 'reason', () => readString(fields, 'reason', where), ''),
    evidence: Object.fromEntries(
      Object.keys(evidence).map((name) => [name, readString(evidence, name, `${where}: evidence`)]),
    ),
  };
}
