import { describe, expect, it } from 'vitest';
import { createDecoding, type Drawn } from '../../src/engines/onnx/decoding.js';
import { decodeGraph, prefillGraph } from '../../src/engines/onnx/graph/decode.js';
import { scoreGraph } from '../../src/engines/onnx/graph/score.js';
import { createSession, type SessionTensor } from '../../src/engines/onnx/session.js';
import { readModelFolder } from '../../src/models/folder.js';
import { floats, ids, numbers } from './onnx/graph/models.js';
import { expectedOf, pytorchFolder, pytorchNames } from './pytorch.js';

// Checkpoints as transformers writes them: in shards and whole, bfloat16, float16 and float32.
describe.each(pytorchNames)('%s, as transformers saved it', (name) => {
  const { tokens, logprobs, greedy } = expectedOf(name);
  const { config, parameters } = readModelFolder(pytorchFolder(name));

  it.each(Object.entries(logprobs))('scores as PyTorch does at temperature %s', async (temperature, expected) => {
    const session = await createSession(scoreGraph(config), { threads: 1 });
    const shape = [1, tokens.length - 1];
    const scores = await session.run(
      new Map<string, SessionTensor>([
        ...parameters,
        ['tokens', ids(tokens.slice(0, -1), shape)],
        ['targets', ids(tokens.slice(1), shape)],
        ['temperature', floats([Number(temperature)])],
      ]),
    );
    const found = numbers(scores, 'logprobs');
    expect(found).toHaveLength(expected.length);
    expect(Math.max(...expected.map((value, t) => Math.abs(value - (found[t] ?? Number.NaN))))).toBeLessThan(5e-5);
  });

  it('decodes greedily to the same tokens, up to an end token', async () => {
    const decoding = createDecoding({
      config,
      parameters,
      prefill: await createSession(prefillGraph(config), { threads: 1 }),
      decode: await createSession(decodeGraph(config, { truncate: false }), { threads: 1 }),
      room: 2,
      capacity: 64,
      eosIds: new Set([1, 2]),
    });
    const drawn = new Promise<readonly Drawn[]>((resolve, reject) => {
      const sampling = { temperature: 0, topK: config.vocabSize, topP: 2, minP: 0, limit: 24, stopped: () => false };
      decoding.add({ prompt: Int32Array.from(greedy.prompt), seeds: [0n], ...sampling, resolve, reject });
    });
    while (decoding.busy) await decoding.step();
    expect([...((await drawn)[0]?.tokens ?? [])]).toEqual(greedy.completion);
  });
});
