import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Completion, Policy } from '../engines/policy.js';
import type { Learner } from '../learner/learner.js';
import { readModelFolder, writeModelFolder } from '../models/folder.js';
import { digest } from '../support/digest.js';

/**
 * A model of constants, for load and crash tests of all that is around the model: with `RLSD_CONSTANT_MODEL=1` a run samples,
 * scores and trains with it. It answers with the last digit of each seed. What it learns is only what it was given: its weights are
 * a digest of all samples so far, so two runs end with the same weights where each step was trained on the same samples once.
 * `RLSD_CONSTANT_LATENCY` is the time in milliseconds that it takes to sample a prompt, as many at once as are asked for; default 0.
 */
export const isConstant = (): boolean => process.env.RLSD_CONSTANT_MODEL === '1';

const TOKENS = 4;

export function constantPolicy(): Policy {
  const loaded = new Set<number>();
  const tokens = new Int32Array(TOKENS).fill(7);
  const latency = Number(process.env.RLSD_CONSTANT_LATENCY ?? 0);
  return {
    templateHash: 'constant',
    contextLength: 1 << 20,
    encodePrompt: (messages) =>
      Int32Array.from(messages.map(({ content }) => content).join('\n'), (c) => c.charCodeAt(0)),
    decode: (all) => '7'.repeat(all.length),
    load: async (version) => void loaded.add(version),
    unload: async (version) => void loaded.delete(version),
    has: (version) => loaded.has(version),
    async sample(_, { seeds }) {
      if (latency > 0) await sleep(latency);
      return seeds.map((seed): Completion => {
        const logprobs = new Float32Array(TOKENS).fill(-Number(seed % 1_000_003n) / 1_000_003);
        return { tokens, logprobs, text: `${seed % 10n}`, finishReason: 'stop' };
      });
    },
    score: async (_, { tokens: all, from }) => new Float32Array(all.length - from).fill(-0.9),
    close: async () => {},
  };
}

export async function constantLearner(base: string): Promise<Learner> {
  const model = readModelFolder(base);
  const [first] = model.parameters.values();
  let step = 0;
  let seen = '';
  const taught = () => {
    if (first) for (const [i, byte] of Buffer.from(seen, 'hex').entries()) first.data[i] = byte / 256;
    return model;
  };
  return {
    step: async (samples) => {
      for (const sample of samples)
        for (const { buffer, byteOffset, byteLength } of [
          sample.promptTokens,
          sample.samplingLogprobs,
          sample.tokenAdvantages,
        ])
          seen = digest(seen, new Uint8Array(buffer, byteOffset, byteLength));
      return {
        step: step++,
        updates: 1,
        learningRate: 0,
        tokens: samples.length * TOKENS,
        loss: 0,
        gradientNorm: 0,
        clipped: 0,
        meanRatio: 1,
        kl: 0,
        referenceKl: 0,
      };
    },
    gradient: () => Promise.reject(new Error('a model of constants has no gradient')),
    supervise: () => Promise.reject(new Error('a model of constants learns nothing')),
    weights: async () => taught().parameters,
    saveModel: async (folder) => writeModelFolder(folder, taught()),
    async saveCheckpoint(folder, offsets) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'constant.json'), JSON.stringify({ step, seen, offsets }));
    },
    async loadCheckpoint(folder) {
      const found = JSON.parse(readFileSync(join(folder, 'constant.json'), 'utf8')) as {
        step: number;
        seen: string;
        offsets: unknown;
      };
      ({ step, seen } = found);
      return found;
    },
    close: async () => {},
  };
}
