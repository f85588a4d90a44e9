import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { LearnerInput } from '../../src/learner/settings.js';
import type { TrainingLossSettings } from '../../src/losses/training-loss.js';

/** What PyTorch computes of a model in `pytorch/`; `scripts/pytorch-reference.py` makes them. */
export interface Expected {
  readonly tokens: readonly number[];
  /** By temperature: log p(tokens[t + 1] | tokens[..t]). */
  readonly logprobs: Readonly<Record<string, readonly number[]>>;
  readonly greedy: { readonly prompt: readonly number[]; readonly completion: readonly number[] };
  readonly training: {
    readonly settings: LearnerInput & Required<TrainingLossSettings>;
    readonly samples: readonly {
      readonly promptTokens: readonly number[];
      readonly completionTokens: readonly number[];
      readonly mask: readonly number[];
      readonly samplingLogprobs: readonly number[];
      readonly tokenAdvantages: readonly number[];
      readonly temperature: number;
    }[];
    readonly steps: readonly { readonly loss: number; readonly gradientNorm: number }[];
    readonly logprobsAfter: readonly number[];
  };
}

const root = fileURLToPath(new URL('pytorch', import.meta.url));

export const pytorchNames: readonly string[] = readdirSync(root).sort();
export const pytorchFolder = (name: string): string => join(root, name);
export const expectedOf = (name: string): Expected =>
  JSON.parse(readFileSync(join(root, name, 'expected.json'), 'utf8')) as Expected;
