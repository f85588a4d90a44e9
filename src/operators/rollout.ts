import { mergeAll, mergeMap, type OperatorFunction } from 'rxjs';
import type { Completion, Policy, Sampling } from '../engines/policy.js';
import { float32Bytes, int32Bytes } from '../records/arrays.js';
import type { Prompt, Rollout } from '../records/records.js';
import { digest as digestOf, seedOf } from '../support/digest.js';
import { UserError } from '../support/errors.js';
import { at } from '../support/required.js';
import { abortable } from './internal/abortable.js';
import { positiveInteger } from './internal/settings.js';

/** A version of the weights, with the digest of its bytes. */
export interface PolicyVersion {
  readonly version: number;
  readonly digest: string;
}

export interface RolloutSettings {
  /** Completions per prompt. */
  readonly group: number;
  readonly sampling: Sampling;
  /** Resolves to the version to sample a prompt with, once it is loaded. */
  readonly version: (prompt: Prompt) => Promise<PolicyVersion>;
  /** Prompts sampled at a time. Default 1, which keeps the order. */
  readonly concurrency?: number;
}

/**
 * Samples a group of completions for each prompt. Unsubscribing aborts the policy's signal.
 *
 * The draws of a completion depend only on the run's seed, the prompt, the sample's index and the policy version, so
 * the same record comes out wherever and whenever it is made. Only the fields of `Prompt` reach the rollout.
 *
 * @throws {RangeError} unless `group` and `concurrency` are positive integers.
 * @throws {UserError} on the stream: `prompt-too-long` when the prompt leaves no room for an answer; `not-finite`,
 * naming the sample, when the model's log-probabilities are no numbers.
 * @example
 * const version = async () => ({ version: 0, digest: 'base' });
 * prompts$.pipe(rollout(policy, { group: 8, sampling: { temperature: 1, maxTokens: 64 }, version }));
 */
export function rollout(policy: Policy, settings: RolloutSettings): OperatorFunction<Prompt, Rollout> {
  const { sampling, version } = settings;
  const group = positiveInteger('group', settings.group);
  const concurrency = positiveInteger('concurrency', settings.concurrency ?? 1);
  const sample = async (prompt: Prompt, signal: AbortSignal): Promise<Rollout[]> => {
    const tokens = policy.encodePrompt(prompt.messages);
    const sampledBy = await version(prompt);
    signal.throwIfAborted();
    const seeds = Array.from({ length: group }, (_, index) =>
      seedOf(prompt.seed, prompt.promptId, index, sampledBy.version, 'rollout'),
    );
    const completions = await policy.sample(sampledBy.version, { prompt: tokens, seeds, sampling }, signal);
    if (completions.length !== group)
      throw new Error(
        `the policy gave ${completions.length} completions for prompt ${prompt.promptId}, expected ${group}`,
      );
    checkFinite(prompt, sampledBy, completions);
    const common = promptFields(prompt, policy, sampledBy, tokens);
    return completions.map((completion, sampleIndex) => ({
      ...common,
      sampleIndex,
      groupSize: group,
      seed: at(seeds, sampleIndex),
      temperature: sampling.temperature,
      ...completionFields(completion),
    }));
  };
  return (prompts) =>
    prompts.pipe(
      mergeMap((prompt) => abortable((signal) => sample(prompt, signal)), concurrency),
      mergeAll(),
    );
}

/** Weights that have overflowed give log-probabilities that are no numbers. */
function checkFinite({ promptId }: Prompt, { version }: PolicyVersion, completions: readonly Completion[]): void {
  for (const [index, { logprobs }] of completions.entries()) {
    const t = logprobs.findIndex((value) => !Number.isFinite(value));
    if (t < 0) continue;
    throw new UserError(
      'not-finite',
      `sample ${promptId}/${index}: the log-probability of token ${t} is ${logprobs[t]} under version ${version}, ` +
        'expected a finite number; the weights of that version have overflowed: lower learn.lr, or check the base ' +
        'model',
    );
  }
}

function promptFields(prompt: Prompt, policy: Policy, sampledBy: PolicyVersion, tokens: Int32Array) {
  const { run, promptId, itemId, sequence, step, messages } = prompt;
  const promptTokens = int32Bytes(tokens);
  return {
    ...{ run, promptId, itemId, sequence, step, messages },
    policyVersion: sampledBy.version,
    policyDigest: sampledBy.digest,
    templateHash: policy.templateHash,
    promptTokens,
    promptDigest: digestOf(promptTokens),
  };
}

function completionFields({ tokens, logprobs, text, finishReason }: Completion) {
  return {
    completionTokens: int32Bytes(tokens),
    samplingLogprobs: float32Bytes(logprobs),
    completion: text,
    finishReason,
  };
}
