import { float32Bytes, int32Bytes } from '../../src/records/arrays.js';
import type { Advantage, Prompt, Rollout, Verdict } from '../../src/records/records.js';

/** Records that are whole and say little, for tests of what carries them. */
export function promptOf(n: number): Prompt {
  return {
    run: 'r',
    promptId: `p${n}`,
    itemId: `p${n}`,
    sequence: BigInt(n),
    step: 0,
    messages: [{ role: 'user', content: `what is ${n}?` }],
    seed: 7n,
    source: 'test',
    level: null,
  };
}

export function rolloutOf(prompt: Prompt, sampleIndex: number, groupSize: number): Rollout {
  const { source: _, level: __, ...rest } = prompt;
  return {
    ...rest,
    sampleIndex,
    groupSize,
    policyVersion: 0,
    policyDigest: 'd',
    templateHash: 't',
    temperature: 1,
    promptTokens: int32Bytes(Int32Array.of(1, 2)),
    promptDigest: '',
    completionTokens: int32Bytes(Int32Array.of(3, 4)),
    samplingLogprobs: float32Bytes(Float32Array.of(-1, -2)),
    completion: 'so',
    finishReason: 'stop',
  };
}

export function verdictOf(rollout: Rollout, reward: number): Verdict {
  return {
    ...rollout,
    verdict: reward > 0 ? 'correct' : 'incorrect',
    reward,
    reason: 'test',
    evidence: {},
    verifier: 'test',
    verifierHash: 'h',
  };
}

export function advantageOf(prompt: Prompt): Advantage {
  const { sequence, step, promptId, itemId } = prompt;
  return {
    run: 'r',
    promptId,
    itemId,
    sequence,
    step,
    sampleIndex: 0,
    groupSize: 1,
    policyVersion: 0,
    temperature: 1,
    promptTokens: int32Bytes(Int32Array.of(1, 2)),
    completionTokens: int32Bytes(Int32Array.of(3, 4)),
    mask: Uint8Array.of(1, 1),
    samplingLogprobs: float32Bytes(Float32Array.of(-1, -2)),
    tokenAdvantages: float32Bytes(Float32Array.of(1, 1)),
    advantage: 1,
    reward: 1,
    verdict: 'correct',
    finishReason: 'stop',
    teacherVersion: null,
    tokenWeights: null,
    referenceLogprobs: null,
    distillation: null,
    stats: {},
    shaper: 's',
  };
}
