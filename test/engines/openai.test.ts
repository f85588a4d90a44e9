import { afterEach, describe, expect, it } from 'vitest';
import { bindEngine } from '../../src/engines/bind.js';
import { lacking } from '../../src/engines/engine.js';
import { openaiDefinition } from '../../src/engines/openai/engine.js';
import type { Policy } from '../../src/engines/policy.js';
import { tinyModel } from '../models/tiny-model.js';
import { type Loopback, loopback } from './served/loopback.js';

const folder = tinyModel();
const model = { folder, device: 'cpu', workers: 1 };
let server: Loopback;
let policy: Policy | undefined;
afterEach(async () => {
  await policy?.close();
  policy = undefined;
  await server.stop();
});

/** A server that gives every prompt this choice. */
async function serve(choice: object, settings: object = {}) {
  const bodies: string[] = [];
  server = await loopback((path, body) => {
    if (path === '/v1/models') return { json: { data: [{ id: 'tiny' }] } };
    if (path === '/health') return {};
    bodies.push(body);
    return { json: { choices: [choice] } };
  });
  return { engine: bindEngine(openaiDefinition, { url: server.url, ...settings }), bodies };
}

const sampling = { temperature: 1, maxTokens: 5, topP: 0.9 };
const request = { prompt: Int32Array.of(5, 6), seeds: [3n], sampling };

describe('the engine openai', () => {
  it.each([
    ['vLLM and SGLang', { token_ids: [7, 8], logprobs: { token_logprobs: [-0.5, -1] }, finish_reason: 'length' }],
    [
      'llama.cpp',
      {
        logprobs: {
          content: [
            { id: 7, logprob: -0.5 },
            { id: 8, logprob: -1 },
          ],
        },
        finish_reason: 'length',
      },
    ],
  ])('reads ids and log-probabilities as %s gives them', async (_, choice) => {
    const { engine, bodies } = await serve(choice);
    policy = await engine.openPolicy(model);
    await policy.load(0, folder);
    const [one] = await policy.sample(0, request);
    expect(one).toMatchObject({
      tokens: Int32Array.of(7, 8),
      logprobs: Float32Array.of(-0.5, -1),
      finishReason: 'length',
      text: policy.decode(Int32Array.of(7, 8)),
    });
    expect(JSON.parse(bodies[0] ?? '')).toMatchObject({
      model: 'tiny',
      prompt: [5, 6],
      max_tokens: 5,
      top_p: 0.9,
      seed: 3,
    });
  });

  it('refuses answers without ids, or with other numbers of log-probabilities', async () => {
    const { engine } = await serve({ logprobs: { token_logprobs: [-1] }, finish_reason: 'stop' });
    policy = await engine.openPolicy(model);
    await policy.load(0, folder);
    await expect(policy.sample(0, request)).rejects.toMatchObject({ code: 'no-token-ids' });
    await policy.close();
    await server.stop();
    const other = await serve({ token_ids: [7, 8], logprobs: { token_logprobs: [-1] }, finish_reason: 'stop' });
    policy = await other.engine.openPolicy(model);
    await policy.load(0, folder);
    await expect(policy.sample(0, request)).rejects.toMatchObject({ code: 'no-logprobs' });
  });

  it('says before the start what it cannot do', async () => {
    const { engine } = await serve({}, { model: 'big' });
    expect(await engine.check?.(model)).toEqual([expect.stringMatching(/offers tiny; expected big/)]);
    const tempered = { ...sampling, temperature: 0.5 };
    const raw = bindEngine(openaiDefinition, { url: server.url });
    expect(await raw.check?.({ ...model, sampling: tempered })).toEqual([
      expect.stringMatching(/expected temperature 1/),
    ]);
    const processed = bindEngine(openaiDefinition, { url: server.url, logprobs: 'processed' });
    expect(await processed.check?.({ ...model, sampling: tempered })).toEqual([
      expect.stringMatching(/after truncation/),
    ]);
    const problems = lacking(engine, {
      device: 'cpu',
      scores: { kind: 'sampled', by: 'shape rlsd' },
      trains: { by: 'learn' },
    });
    expect(problems).toHaveLength(3);
  });
});
