import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Learner } from '../learner/learner.js';
import { readModelFolder, writeModelFolder } from '../policy/folder.js';
import type { Completion, Policy } from '../policy/policy.js';

/**
 * A model of constants, for load and crash tests of all that is around the model: with `RLSD_CONSTANT_MODEL=1` a run samples,
 * scores and trains with it. It answers with the last digit of each seed and its weights stay the base's.
 */
export const isConstant = (): boolean => process.env.RLSD_CONSTANT_MODEL === '1';

const TOKENS = 4;

export function constantPolicy(): Policy {
  const loaded = new Set<number>();
  const tokens = new Int32Array(TOKENS).fill(7);
  const logprobs = new Float32Array(TOKENS).fill(-1);
  return {
    templateHash: 'constant',
    contextLength: 1 << 20,
    encodePrompt: (messages) => new Int32Array(messages.reduce((sum, { content }) => sum + content.length, 1)),
    decode: (all) => '7'.repeat(all.length),
    load: async (version) => void loaded.add(version),
    unload: async (version) => void loaded.delete(version),
    has: (version) => loaded.has(version),
    sample: async (_, { seeds }) =>
      seeds.map((seed): Completion => ({ tokens, logprobs, text: `${seed % 10n}`, finishReason: 'stop' })),
    score: async (_, { tokens: all, from }) => new Float32Array(all.length - from).fill(-0.9),
    close: async () => {},
  };
}

export async function constantLearner(base: string): Promise<Learner> {
  const model = readModelFolder(base);
  let step = 0;
  return {
    step: async (samples) => ({
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
    }),
    gradient: () => Promise.reject(new Error('a model of constants has no gradient')),
    supervise: () => Promise.reject(new Error('a model of constants learns nothing')),
    weights: async () => model.parameters,
    saveModel: async (folder) => writeModelFolder(folder, model),
    async saveCheckpoint(folder, offsets) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'constant.json'), JSON.stringify({ step, offsets }));
    },
    async loadCheckpoint(folder) {
      const found = JSON.parse(readFileSync(join(folder, 'constant.json'), 'utf8')) as {
        step: number;
        offsets: unknown;
      };
      step = found.step;
      return found;
    },
    close: async () => {},
  };
}
