import { expect, it } from 'vitest';
import { scoreGraph } from '../../src/engines/onnx/graph/score.js';
import { createSession, type SessionTensor } from '../../src/engines/onnx/session.js';
import { createLocalLearner } from '../../src/learner/local.js';
import { clippedPolicy, trainingLoss } from '../../src/losses/index.js';
import { readModelFolder } from '../../src/models/folder.js';
import { floats, ids, numbers } from '../engines/onnx/graph/models.js';
import { expectedOf, pytorchFolder, pytorchNames } from '../engines/pytorch.js';

it.each(pytorchNames)('%s: three steps match PyTorch and its AdamW', async (name) => {
  const { tokens, training } = expectedOf(name);
  const { config, parameters } = readModelFolder(pytorchFolder(name));
  const { clip, kl, ...settings } = training.settings;
  const loss = trainingLoss(clippedPolicy.create(), { clip, kl });
  const learner = createLocalLearner({ config, parameters, settings, loss, threads: 1 });
  const samples = training.samples.map((sample) => ({
    promptTokens: Int32Array.from(sample.promptTokens),
    completionTokens: Int32Array.from(sample.completionTokens),
    mask: Uint8Array.from(sample.mask),
    samplingLogprobs: Float32Array.from(sample.samplingLogprobs),
    tokenAdvantages: Float32Array.from(sample.tokenAdvantages),
    temperature: sample.temperature,
  }));
  for (const { loss, gradientNorm } of training.steps) {
    const found = await learner.step(samples);
    expect(found.clipped).toBeGreaterThan(0);
    expect(Math.abs(found.loss - loss)).toBeLessThan(1e-4);
    expect(Math.abs(found.gradientNorm / gradientNorm - 1)).toBeLessThan(1e-4);
  }
  const session = await createSession(scoreGraph(config), { threads: 1 });
  const shape = [1, tokens.length - 1];
  const scores = await session.run(
    new Map<string, SessionTensor>([
      ...(await learner.weights()),
      ['tokens', ids(tokens.slice(0, -1), shape)],
      ['targets', ids(tokens.slice(1), shape)],
      ['temperature', floats([1])],
    ]),
  );
  const found = numbers(scores, 'logprobs');
  const errors = training.logprobsAfter.map((value, t) => Math.abs(value - (found[t] ?? Number.NaN)));
  expect(Math.max(...errors)).toBeLessThan(1e-3);
});
