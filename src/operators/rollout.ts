import { mergeAll, mergeMap, type OperatorFunction } from 'rxjs';
import type { Policy, Sampling } from '../engines/policy.js';
import { float32Bytes, int32Bytes } from '../records/arrays.js';
import type { Prompt, Rollout } from '../records/records.js';
import { digest as digestOf, seedOf } from '../support/digest.js';

/** A version of the weights and the digest that names its bytes. */
export interface PolicyVersion {
  readonly version: number;
  readonly digest: string;
}

export interface RolloutSettings {
  /** Completions for each prompt. */
  readonly group: number;
  readonly sampling: Sampling;
  /** The version to sample a prompt with; waits until one that is fresh enough is loaded. */
  readonly version: (prompt: Prompt) => Promise<PolicyVersion>;
  /** Prompts sampled at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
}

/**
 * Samples a group of completions for each prompt.
 *
 * Each completion's draws depend on the run's seed, the prompt, its place in the group and the policy version alone, so the
 * same record is made again wherever and whenever it runs.
 *
 * @throws {UserError} `prompt-too-long` through the policy, when the prompt leaves no room to answer.
 * @example
 * prompts$.pipe(rollout(policy, { group: 8, sampling: { temperature: 1, maxTokens: 64 }, version: async () => current }));
 */
export function rollout(policy: Policy, settings: RolloutSettings): OperatorFunction<Prompt, Rollout> {
  const { group, sampling, version, concurrency = 1 } = settings;
  const sample = async (prompt: Prompt): Promise<Rollout[]> => {
    const tokens = policy.encodePrompt(prompt.messages);
    const { version: policyVersion, digest } = await version(prompt);
    const seeds = Array.from({ length: group }, (_, i) =>
      seedOf(prompt.seed, prompt.promptId, i, policyVersion, 'rollout'),
    );
    const completions = await policy.sample(policyVersion, { prompt: tokens, seeds, sampling });
    const promptTokens = int32Bytes(tokens);
    const promptDigest = digestOf(promptTokens);
    return completions.map((completion, sampleIndex) => ({
      run: prompt.run,
      promptId: prompt.promptId,
      itemId: prompt.itemId,
      sequence: prompt.sequence,
      step: prompt.step,
      messages: prompt.messages,
      sampleIndex,
      groupSize: group,
      policyVersion,
      policyDigest: digest,
      seed: seeds[sampleIndex] ?? 0n,
      templateHash: policy.templateHash,
      temperature: sampling.temperature,
      promptTokens,
      promptDigest,
      completionTokens: int32Bytes(completion.tokens),
      samplingLogprobs: float32Bytes(completion.logprobs),
      completion: completion.text,
      finishReason: completion.finishReason,
    }));
  };
  return (prompts) => prompts.pipe(mergeMap(sample, concurrency), mergeAll());
}
