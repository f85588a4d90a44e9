// An engine of constants, for load and crash tests of everything around the model. It answers with the last digit of
// each seed. What it learns is only what it was given: its weights are a digest of all samples so far, so two runs end
// with the same weights where each step was trained on the same samples once. `--set model.engine='{ module:
// test/fakes/constant-engine.mjs }'`
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { readModelFolder, writeModelFolder } from '../../dist/models/index.js';

const TOKENS = 4;

export default {
  name: 'constant',
  summary: 'Answers with a digit of the seed; learns a digest of its samples.',
  settings: z.strictObject({ latency: z.number().min(0).default(0).describe('Milliseconds per prompt.') }),
  create: ({ latency }) => ({
    capabilities: {
      samples: true,
      scores: 'sampled',
      trains: true,
      adapters: false,
      images: false,
      bitReproducible: true,
      devices: ['cpu'],
      weights: 'folder',
    },
    openPolicy: async () => constantPolicy(latency),
    openLearner: async ({ folder }) => constantLearner(folder),
  }),
};

function constantPolicy(latency) {
  const loaded = new Set();
  const tokens = new Int32Array(TOKENS).fill(7);
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
      return seeds.map((seed) => {
        const logprobs = new Float32Array(TOKENS).fill(-Number(seed % 1_000_003n) / 1_000_003);
        return { tokens, logprobs, text: `${seed % 10n}`, finishReason: 'stop' };
      });
    },
    score: async (_, { tokens: all, from }) => new Float32Array(all.length - from).fill(-0.9),
    close: async () => {},
  };
}

function constantLearner(base) {
  const model = readModelFolder(base);
  const [first] = model.parameters.values();
  let step = 0;
  let seen = '';
  const taught = () => {
    for (const [i, byte] of Buffer.from(seen, 'hex').entries()) first.data[i] = byte / 256;
    return model;
  };
  return {
    step: async (samples) => {
      for (const sample of samples)
        for (const { buffer, byteOffset, byteLength } of [
          sample.promptTokens,
          sample.samplingLogprobs,
          sample.tokenAdvantages,
        ]) {
          const bytes = new Uint8Array(buffer, byteOffset, byteLength);
          seen = createHash('sha256').update(seen).update(`${byteLength}:`).update(bytes).digest('hex');
        }
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
    supervise: () => Promise.reject(new Error('a model of constants is not supervised')),
    weights: async () => taught().parameters,
    saveModel: async (folder) => writeModelFolder(folder, taught()),
    async saveCheckpoint(folder, offsets) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'constant.json'), JSON.stringify({ step, seen, offsets }));
    },
    async loadCheckpoint(folder) {
      const found = JSON.parse(readFileSync(join(folder, 'constant.json'), 'utf8'));
      ({ step, seen } = found);
      return found;
    },
    close: async () => {},
  };
}
