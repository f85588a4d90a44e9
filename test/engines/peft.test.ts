import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { scoreGraph } from '../../src/engines/onnx/graph/score.js';
import { createSession, type SessionTensor } from '../../src/engines/onnx/session.js';
import { createLocalLearner } from '../../src/learner/local.js';
import type { LearnerInput } from '../../src/learner/settings.js';
import { readModelFolder } from '../../src/models/folder.js';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, readAdapter, writeAdapter } from '../../src/models/lora/folder.js';
import type { AdaptedConfig } from '../../src/models/lora/lora.js';
import { mergeAdapter } from '../../src/models/lora/merge.js';
import { readSafetensors, type Tensors } from '../../src/models/safetensors.js';
import { floats, ids, numbers } from './onnx/graph/models.js';
import { pytorchFolder } from './pytorch.js';

/** What PEFT computes of an adapter in `peft/`; `scripts/peft-reference.py` makes them. */
interface Expected {
  readonly base: string;
  readonly tokens: readonly number[];
  readonly logprobs: readonly number[];
  readonly settings: LearnerInput;
  readonly samples: readonly {
    readonly promptTokens: readonly number[];
    readonly completionTokens: readonly number[];
    readonly samplingLogprobs: readonly number[];
    readonly tokenAdvantages: readonly number[];
  }[];
  readonly steps: readonly { readonly loss: number; readonly gradientNorm: number }[];
  readonly logprobsAfter: readonly number[];
}

const root = fileURLToPath(new URL('peft', import.meta.url));

const far = (found: ArrayLike<number>, expected: ArrayLike<number>): number =>
  found.length === expected.length
    ? Math.max(...Array.from(expected, (value, i) => Math.abs(value - (found[i] ?? Number.NaN))))
    : Number.NaN;

async function score(config: AdaptedConfig, parameters: Tensors, tokens: readonly number[]): Promise<Float32Array> {
  const session = await createSession(scoreGraph(config), { threads: 1 });
  const shape = [1, tokens.length - 1];
  const scores = await session.run(
    new Map<string, SessionTensor>([
      ...parameters,
      ['tokens', ids(tokens.slice(0, -1), shape)],
      ['targets', ids(tokens.slice(1), shape)],
      ['temperature', floats([1])],
    ]),
  );
  return numbers(scores, 'logprobs');
}

/** Tensors of PEFT's under the names of this library. */
const named = (tensors: Tensors): Tensors =>
  new Map([...tensors].map(([name, tensor]) => [name.replace('base_model.model.', ''), tensor]));

describe.each(readdirSync(root))('%s, as PEFT saved it', (name) => {
  const folder = join(root, name);
  const expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8')) as Expected;
  const { config, parameters } = readModelFolder(pytorchFolder(expected.base));
  const adapter = readAdapter(folder, config);
  const adapted = { ...config, lora: adapter.lora };

  it('gives the same log-probabilities next to the model and merged into it', async () => {
    const apart = new Map([...parameters, ...adapter.parameters]);
    expect(far(await score(adapted, apart, expected.tokens), expected.logprobs)).toBeLessThan(5e-5);
    expect(
      far(await score(config, mergeAdapter(parameters, adapter), expected.tokens), expected.logprobs),
    ).toBeLessThan(5e-5);
  });

  it('has the gradients and three steps of AdamW of PEFT on PyTorch, and the model stays as it is', async () => {
    const learner = createLocalLearner({
      config,
      parameters,
      adapter: { ...adapter, base: expected.base },
      settings: expected.settings,
      threads: 1,
    });
    const samples = expected.samples.map(({ promptTokens, completionTokens, samplingLogprobs, tokenAdvantages }) => ({
      promptTokens: Int32Array.from(promptTokens),
      completionTokens: Int32Array.from(completionTokens),
      mask: new Uint8Array(completionTokens.length).fill(1),
      samplingLogprobs: Float32Array.from(samplingLogprobs),
      tokenAdvantages: Float32Array.from(tokenAdvantages),
      temperature: 1,
    }));
    const gradients = await learner.gradient(samples);
    const made = named(readSafetensors(join(folder, 'gradients.safetensors')));
    expect([...gradients.keys()].sort()).toEqual([...made.keys()].sort());
    for (const [key, { data }] of made) expect(far(gradients.get(key)?.data ?? [], data), key).toBeLessThan(1e-4);
    for (const { loss, gradientNorm } of expected.steps) {
      const found = await learner.step(samples);
      expect(Math.abs(found.loss - loss)).toBeLessThan(1e-4);
      expect(Math.abs(found.gradientNorm / gradientNorm - 1)).toBeLessThan(1e-4);
    }
    const weights = await learner.weights();
    const after = named(readSafetensors(join(folder, 'after.safetensors')));
    for (const [key, { data }] of after) expect(far(weights.get(key)?.data ?? [], data), key).toBeLessThan(1e-4);
    for (const [key, { data }] of parameters) expect(weights.get(key)?.data).toEqual(data);
    expect(far(await score(adapted, weights, expected.tokens), expected.logprobsAfter)).toBeLessThan(1e-4);
  });

  it('is saved with the names, shapes and fields that PEFT reads', () => {
    const saved = mkdtempSync(join(tmpdir(), 'rlsd-adapter-'));
    writeAdapter(saved, adapter, expected.base);
    const tensorsOf = (from: string) => readSafetensors(join(from, ADAPTER_WEIGHTS));
    expect(new Map([...tensorsOf(saved)].sort())).toEqual(new Map([...tensorsOf(folder)].sort()));
    const configOf = (from: string) => JSON.parse(readFileSync(join(from, ADAPTER_CONFIG), 'utf8'));
    const [is, was] = [configOf(saved), configOf(folder)];
    for (const one of [is, was]) one.target_modules.sort();
    expect(was).toMatchObject(is);
  });
});
