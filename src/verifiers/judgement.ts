import { z } from 'zod';
import type { VerdictKind } from '../records/records.js';
import { check } from '../support/check.js';
import type { Judgement } from './verifier.js';

export const verdictKinds = [
  'correct',
  'incorrect',
  'unparseable',
  'timeout',
  'crash',
  'denied',
] as const satisfies readonly VerdictKind[];

const judgement = z.strictObject({
  verdict: z.enum(verdictKinds),
  reward: z.number(),
  reason: z.string().default(''),
  evidence: z.record(z.string(), z.string()).default({}),
});

/**
 * Reads a judgement from someone else's code: `{"verdict", "reward", "reason", "evidence"}`, the last two optional.
 *
 * @throws {UserError} that names the field
 */
export const readJudgement = (value: unknown, where: string): Judgement => check(judgement, value, where);
