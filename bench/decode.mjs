// How much faster a batch decodes than one sequence: tokens/s at batch 1, 8 and 64, in groups of 8, in alternating
// rounds, on one core and, as in a run, on all. The best round counts, since other work on the machine can only slow it
// down.
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOnnxPolicy } from '../dist/engines/index.js';
import { initModel, makeTokenizer, parseConfig, writeModelFolder } from '../dist/models/index.js';

const TOKENS = 48;
const ROUNDS = 5;
const folder = mkdtempSync(join(tmpdir(), 'rlsd-bench-decode-'));
const { files, vocabSize } = makeTokenizer(Array.from({ length: 100 }, (_, n) => String(n)));
const json = {
  model_type: 'llama',
  hidden_size: 128,
  num_hidden_layers: 4,
  num_attention_heads: 4,
  intermediate_size: 384,
  vocab_size: vocabSize,
  max_position_embeddings: 256,
  tie_word_embeddings: true,
};
const config = parseConfig(json, 'config.json');
const bytes = (text) => new TextEncoder().encode(text);
writeModelFolder(folder, {
  config,
  parameters: initModel(config, 1),
  files: new Map([
    ['config.json', bytes(JSON.stringify(json))],
    ...Object.entries(files).map(([name, text]) => /** @type {const} */ ([name, bytes(text)])),
  ]),
});
const GROUP = 8;
let draws = 0n;
const rate = async (policy, batch) => {
  const prompt = policy.encodePrompt([{ role: 'user', content: '3 + 4 - 5 + 6' }]);
  const groups = Array.from({ length: Math.ceil(batch / GROUP) }, () =>
    Array.from({ length: Math.min(batch, GROUP) }, () => draws++),
  );
  const start = process.hrtime.bigint();
  const done = await Promise.all(
    groups.map((seeds) => policy.sample(0, { prompt, seeds, sampling: { temperature: 1, maxTokens: TOKENS } })),
  );
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return done.flat().reduce((sum, { tokens }) => sum + tokens.length, 0) / seconds;
};

const cores = availableParallelism();
const ratios = new Map();
for (const workers of new Set([1, cores])) {
  const policy = await createOnnxPolicy({ folder, workers, device: 'cpu' });
  await policy.load(0, folder);
  const rates = new Map([1, 8, 64].map((batch) => [batch, []]));
  for (let round = 0; round <= ROUNDS; round++)
    for (const [batch, measured] of rates) {
      const tokensPerSecond = await rate(policy, batch);
      if (round > 0) measured.push(tokensPerSecond);
    }
  await policy.close();
  const best = (batch) => Math.max(...rates.get(batch));
  const each = [...rates.keys()].map((batch) => `batch ${batch}: ${Math.round(best(batch))} tokens/s`);
  ratios.set(workers, best(64) / best(1));
  console.log(`${workers} of ${cores} cores, ${each.join(', ')}: ${ratios.get(workers).toFixed(1)} times`);
}
rmSync(folder, { recursive: true });
const ratio = ratios.get(cores);
console.log(`batch 64 over batch 1: ${ratio.toFixed(1)} times (floor 8)`);
process.exitCode = ratio >= 8 ? 0 : 1;
