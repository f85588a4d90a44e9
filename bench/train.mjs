// Floating-point operations per second of a training step, and of one large matrix product in the same runtime; and the
// time of a step that trains an adapter alone.
// Rounds alternate and the best of each counts, since other work on the machine can only slow them down.

import { createBuilder } from '../dist/engines/onnx/graph/builder.js';
import { createSession } from '../dist/engines/onnx/session.js';
import { createLocalLearner } from '../dist/learner/local.js';
import { parameterShapes, parseConfig } from '../dist/models/config.js';
import { initAdapter } from '../dist/models/lora/init.js';
import { modulesOf, projections } from '../dist/models/lora/lora.js';

/** A model of 27.8 M parameters: wide enough that matrix products take most of the time. */
const small = parseConfig(
  {
    model_type: 'qwen3',
    hidden_size: 512,
    num_hidden_layers: 8,
    num_attention_heads: 8,
    num_key_value_heads: 4,
    head_dim: 64,
    intermediate_size: 1408,
    vocab_size: 8192,
    rms_norm_eps: 1e-6,
    tie_word_embeddings: true,
    max_position_embeddings: 1024,
  },
  'bench',
);

/** Noise of the usual scale; the values do not matter as long as none is special. */
function noise(length, scale) {
  let state = length | 1;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return (state / 2 ** 31) * scale;
  });
}

function weights(config) {
  return new Map(
    [...parameterShapes(config)].map(([name, shape]) => {
      const size = shape.reduce((product, n) => product * n, 1);
      return [name, { shape, data: name.includes('norm') ? new Float32Array(size).fill(1) : noise(size, 0.03) }];
    }),
  );
}

/** Seconds that `work` takes. */
async function seconds(work) {
  const start = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - start) / 1e9;
}

const floor = 0.6;
/** Most of the time of a full step that one of an adapter of rank 8 on every projection may take. */
const loraCeiling = 0.6;
const threads = Number(process.argv[2] ?? 2);
const rounds = Number(process.argv[3] ?? 3);
const [samples, length, side] = [16, 128, 1024];

const b = createBuilder();
b.output('product', b.node('MatMul', [b.input('a', 'float32', [side, side]), b.input('b', 'float32', [side, side])]), [
  side,
  side,
]);
const product = await createSession(b.build(), { threads });
const square = (data) => ({ data, shape: [side, side] });
const feeds = new Map([
  ['a', square(noise(side * side, 1))],
  ['b', square(noise(side * side, 1))],
]);
const fetches = new Map([['product', square(new Float32Array(side * side))]]);

const parameters = weights(small);
const options = { config: small, parameters, settings: { lr: 1e-5 }, threads };
const learner = createLocalLearner(options);
const lora = { rank: 8, alpha: 16, rslora: false, modules: modulesOf(small, projections) };
const adapterLearner = createLocalLearner({ ...options, adapter: { ...initAdapter(small, lora, 1), base: 'bench' } });
const tokens = (count, seed) =>
  Int32Array.from({ length: count }, (_, t) => (t * 7919 + seed * 104729) % small.vocabSize);
const batch = Array.from({ length: samples }, (_, i) => ({
  promptTokens: tokens(1, i),
  completionTokens: tokens(length, i + 1),
  mask: new Uint8Array(length).fill(1),
  samplingLogprobs: new Float32Array(length).fill(-9),
  tokenAdvantages: noise(length, 1),
  temperature: 1,
}));

let count = 0;
for (const [name, { data }] of parameters) if (!name.includes('norm')) count += data.length;
// Two operations per weight and token forward, twice as many backward; likewise for the attention's scores and mixing.
const attention = 4 * small.layers * small.heads * small.headDim * length;
const operations = { step: 3 * samples * length * (2 * count + attention), product: 10 * 2 * side ** 3 };

const best = { step: 0, product: 0 };
let loraSeconds = Number.POSITIVE_INFINITY;
for (let round = 0; round <= rounds; round++) {
  const time = {
    product: await seconds(async () => {
      for (let i = 0; i < 10; i++) await product.run(feeds, fetches);
    }),
    step: await seconds(() => learner.step(batch)),
    lora: await seconds(() => adapterLearner.step(batch)),
  };
  if (round === 0) continue;
  loraSeconds = Math.min(loraSeconds, time.lora);
  for (const name of ['step', 'product']) best[name] = Math.max(best[name], operations[name] / time[name] / 1e9);
}
const ratio = best.step / best.product;
const loraRatio = (loraSeconds * best.step * 1e9) / operations.step;
const met = ratio >= floor && loraRatio <= loraCeiling;
console.log(
  JSON.stringify({
    bench: 'train',
    parameters: count,
    stepGflops: Math.round(best.step),
    productGflops: Math.round(best.product),
    tokensPerSecond: Math.round((best.step * 1e9 * samples * length) / operations.step),
    ratio: Number(ratio.toFixed(3)),
    floor,
    loraRatio: Number(loraRatio.toFixed(3)),
    loraCeiling,
    met,
  }),
);
process.exitCode = met ? 0 : 1;
