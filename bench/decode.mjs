// How much faster a batch decodes than one sequence, on one worker: tokens/s at batch 1, 8 and 64, each several times in
// turn. The best of each counts, since other work on the machine only ever slows one down.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOnnxPolicy, initModel, makeTokenizer, parseConfig, writeModelFolder } from '../dist/policy/index.js';

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
    ...Object.entries(files).map(([name, text]) => [name, bytes(text)]),
  ]),
});
const policy = await createOnnxPolicy({ folder, workers: 1, device: 'cpu' });
await policy.load(0, folder);
const prompt = policy.encodePrompt([{ role: 'user', content: '3 + 4 - 5 + 6' }]);
let draws = 0n;
const rate = async (batch) => {
  const seeds = Array.from({ length: batch }, () => draws++);
  const start = process.hrtime.bigint();
  const done = await policy.sample(0, { prompt, seeds, sampling: { temperature: 1, maxTokens: TOKENS } });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return done.reduce((sum, { tokens }) => sum + tokens.length, 0) / seconds;
};
const rates = new Map([1, 8, 64].map((batch) => [batch, []]));
for (let round = 0; round <= ROUNDS; round++)
  for (const [batch, measured] of rates) {
    const tokensPerSecond = await rate(batch);
    if (round > 0) measured.push(tokensPerSecond);
  }
await policy.close();
rmSync(folder, { recursive: true });
const best = (batch) => Math.max(...rates.get(batch));
for (const batch of rates.keys()) console.log(`batch ${batch}: ${Math.round(best(batch))} tokens/s`);
const ratio = best(64) / best(1);
console.log(`batch 64 over batch 1: ${ratio.toFixed(1)} times (floor 8)`);
process.exitCode = ratio >= 8 ? 0 : 1;
