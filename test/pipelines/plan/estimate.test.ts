import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { checkpointProblems } from '../../../src/pipelines/plan/estimate.js';
import { checkSpec } from '../../../src/pipelines/spec/parse.js';
import { storeOf } from '../../../src/topics/registry.js';
import { tinyPipeline } from '../../runs/tiny-run.js';

/** A plan of a model of about 12 x width^2 x layers parameters. */
function planOf(width: number, layers: number, topics: Parameters<typeof storeOf>[0]) {
  const folder = mkdtempSync(join(tmpdir(), 'rlsd-estimate-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const shape = { hidden_size: width, intermediate_size: 4 * width, num_hidden_layers: layers, vocab_size: 1000 };
  const heads = { num_attention_heads: 8, num_key_value_heads: 8, max_position_embeddings: 64, rms_norm_eps: 1e-6 };
  const config = { model_type: 'llama', architectures: ['LlamaForCausalLM'], hidden_act: 'silu', ...shape, ...heads };
  writeFileSync(
    join(folder, 'config.json'),
    JSON.stringify({ ...config, rope_theta: 10_000, tie_word_embeddings: true }),
  );
  return { spec: checkSpec({ ...tinyPipeline, model: { base: '.' } }), folder, store: storeOf(topics) };
}
const brokers = ['a:1'];

it('a checkpoint that no record takes is refused, with the way around it', () => {
  expect(checkpointProblems(planOf(1024, 24, { kafka: { brokers } }))).toEqual([
    expect.stringMatching(
      /^topics: found checkpoints of 4\.5 GiB, expected at most 2 GiB, which is what one record takes; .*sharedFolder: true/,
    ),
  ]);
});

it.each([
  ['a smaller model', 256, { kafka: { brokers } }],
  ['a shared folder', 1024, { kafka: { brokers, sharedFolder: true } }],
  ['the embedded log', 1024, 'embedded'],
])('%s is taken', (_, width, topics) => {
  expect(checkpointProblems(planOf(width, 24, topics))).toEqual([]);
});
