import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createOnnxPolicy } from '../../../src/engines/onnx/policy.js';
import type { Completion, Policy, SampleRequest, Sampling } from '../../../src/engines/policy.js';
import { tinyModel } from '../../models/tiny-model.js';

const folder = tinyModel({ gain: 1.5 });
const other = tinyModel({ gain: 1.5, seed: 2 });
const create = (options: Partial<Parameters<typeof createOnnxPolicy>[0]> = {}): Promise<Policy> =>
  createOnnxPolicy({ folder, workers: 1, device: 'cpu', ...options });
const ask = (policy: Policy, content: string): Int32Array => policy.encodePrompt([{ role: 'user', content }]);
const seeds = (n: number, from = 0): bigint[] => Array.from({ length: n }, (_, i) => BigInt(1000 + from + i));
/** Bits, so that equality is exact. */
const bits = (completions: readonly Completion[]): unknown =>
  completions.map(({ tokens, logprobs, text, finishReason }) => [
    [...tokens],
    [...new Uint32Array(logprobs.buffer)],
    text,
    finishReason,
  ]);

let policy: Policy;
beforeAll(async () => {
  policy = await create();
  await policy.load(0, folder);
  await policy.load(1, other);
});
afterAll(() => policy.close());

it('can be closed while sampling, which rejects the samples and does not crash the process', async () => {
  for (let n = 0; n < 8; n++) {
    const busy = await create();
    await busy.load(0, folder);
    const prompt = ask(busy, '3 + 4');
    const long = busy.sample(0, { prompt, seeds: seeds(64), sampling: { temperature: 1, maxTokens: 50 } });
    const closed = expect(long).rejects.toThrow('the workers were closed');
    // Its answer comes between two steps of the samples.
    await busy.score(0, { tokens: Int32Array.of(...prompt, 1), from: prompt.length, temperature: 1 });
    await busy.close();
    await closed;
  }
});

describe('sampling', () => {
  it('agrees with scoring of the same tokens', async () => {
    for (const temperature of [1, 0.7, 0]) {
      const prompt = ask(policy, '3 + 4 = 7 - 2');
      const drawn = await policy.sample(0, { prompt, seeds: seeds(4), sampling: { temperature, maxTokens: 24 } });
      for (const { tokens, logprobs } of drawn) {
        const scored = await policy.score(0, {
          tokens: Int32Array.of(...prompt, ...tokens),
          from: prompt.length,
          temperature,
        });
        expect(scored).toHaveLength(tokens.length);
        for (const [i, value] of scored.entries()) expect(Math.abs(value - (logprobs[i] ?? 0))).toBeLessThan(1e-5);
      }
    }
  });

  it('returns the same bits alone, among other requests, in few rows and from several workers', async () => {
    const requests: { version: number; request: SampleRequest }[] = [];
    const samplings: Sampling[] = [
      { temperature: 1, maxTokens: 20 },
      { temperature: 0.8, maxTokens: 40, topK: 20, topP: 0.9 },
      { temperature: 0, maxTokens: 9 },
      { temperature: 1.3, maxTokens: 50 },
    ];
    for (let i = 0; i < 14; i++)
      requests.push({
        version: i % 2,
        request: {
          prompt: ask(policy, `${i % 7} + ${i % 5} = ${'1 + '.repeat(i % 4)}`),
          seeds: seeds(1 + (i % 6), 10 * i),
          sampling: samplings[i % samplings.length] ?? { temperature: 1, maxTokens: 5 },
        },
      });
    const alone: unknown[] = [];
    for (const { version, request } of requests) alone.push(bits(await policy.sample(version, request)));
    const score = { tokens: ask(policy, 'the Answer = 12'), from: 1, temperature: 0.9 };
    const scoreAlone = await policy.score(0, score);

    for (const options of [{ workers: 1 }, { workers: 2 }, { workers: 1, rows: 3 }]) {
      const crowd = await create(options);
      await Promise.all([crowd.load(0, folder), crowd.load(1, other)]);
      const scores = Array.from({ length: 5 }, (_, i) =>
        crowd.score(0, { tokens: ask(policy, `the Answer = 12${' + 1'.repeat(i % 3)}`), from: 1, temperature: 0.9 }),
      );
      const together = await Promise.all(requests.map(({ version, request }) => crowd.sample(version, request)));
      expect(together.map(bits)).toEqual(alone);
      expect(await scores[0]).toEqual(scoreAlone);
      await crowd.close();
    }
  });

  it('draws each member from its own seed, whatever the group', async () => {
    const prompt = ask(policy, '1 + 1');
    const sampling = { temperature: 1, maxTokens: 12 };
    const group = await policy.sample(0, { prompt, seeds: seeds(5), sampling });
    const [third] = await policy.sample(0, { prompt, seeds: seeds(1, 2), sampling });
    expect(bits(third ? [third] : [])).toEqual(bits(group.slice(2, 3)));
    expect(new Set(group.map((completion) => completion.text)).size).toBe(5);
  });

  it('is greedy at temperature 0, as with top-k 1', async () => {
    const prompt = ask(policy, '2 + 2');
    const [greedy] = await policy.sample(0, { prompt, seeds: [1n], sampling: { temperature: 0, maxTokens: 16 } });
    const [topOne] = await policy.sample(0, {
      prompt,
      seeds: [5n],
      sampling: { temperature: 1, maxTokens: 16, topK: 1 },
    });
    expect(topOne?.tokens).toEqual(greedy?.tokens);
  });

  it('ends with an end token, which the text omits', async () => {
    const prompt = ask(policy, '5');
    const [plain] = await policy.sample(0, { prompt, seeds: [3n], sampling: { temperature: 1, maxTokens: 30 } });
    const end = plain?.tokens[4] ?? 0;
    const ending = tinyModel({ gain: 1.5 });
    writeFileSync(join(ending, 'generation_config.json'), JSON.stringify({ eos_token_id: end }));
    const sooner = await create({ folder: ending });
    await sooner.load(0, ending);
    const [cut] = await sooner.sample(0, { prompt, seeds: [3n], sampling: { temperature: 1, maxTokens: 30 } });
    await sooner.close();
    const at = plain?.tokens.indexOf(end) ?? 0;
    expect(cut?.tokens).toEqual(plain?.tokens.slice(0, at + 1));
    expect(cut?.finishReason).toBe('stop');
    expect(plain?.finishReason).toBe('length');
    expect(plain?.tokens).toHaveLength(30);
  });

  it('stops at a stop string that spans tokens; keeps its tokens and cuts its text', async () => {
    const request = { prompt: ask(policy, '7 - 1'), seeds: seeds(6), sampling: { temperature: 1, maxTokens: 40 } };
    const plain = await policy.sample(0, request);
    let checked = 0;
    for (const [i, { tokens, text }] of plain.entries()) {
      const whole = policy.decode(tokens.slice(0, 20));
      const stop = whole.slice(-6, -2).replaceAll('\ufffd', '');
      if (stop.length < 2 || !whole.includes(stop)) continue;
      const [stopped] = await policy.sample(0, {
        ...request,
        seeds: seeds(1, i),
        sampling: { ...request.sampling, stop: ['never to be seen', stop] },
      });
      if (!stopped) throw new Error('no completion');
      expect(stopped.finishReason).toBe('stop');
      expect(stopped.text).toBe(text.slice(0, text.indexOf(stop)));
      expect(stopped.tokens).toEqual(tokens.slice(0, stopped.tokens.length));
      expect(policy.decode(stopped.tokens)).toContain(stop);
      expect(policy.decode(stopped.tokens.slice(0, -1))).not.toContain(stop);
      checked++;
    }
    expect(checked).toBeGreaterThan(0);
  });

  it('ends at the end of the context', async () => {
    const small = await create({ contextLength: 24 });
    await small.load(0, folder);
    const prompt = ask(small, '1 + 1 + 1 + 1');
    const [completion] = await small.sample(0, { prompt, seeds: [1n], sampling: { temperature: 1, maxTokens: 100 } });
    expect(completion?.finishReason).toBe('length');
    expect((completion?.tokens.length ?? 0) + prompt.length).toBe(24);
    expect(() => ask(small, '1 + '.repeat(20))).toThrow(/found \d+ tokens, expected at most 23/);
    await expect(
      small.sample(0, { prompt: new Int32Array(24), seeds: [1n], sampling: { temperature: 1, maxTokens: 1 } }),
    ).rejects.toMatchObject({
      code: 'prompt-too-long',
      message: expect.stringContaining('found 24 tokens, expected at most 23'),
    });
    await expect(small.score(0, { tokens: new Int32Array(25), from: 1, temperature: 1 })).rejects.toMatchObject({
      code: 'prompt-too-long',
    });
    await small.close();
  });

  it('accepts a prompt of one token, a group larger than its rows, and an empty group', async () => {
    const few = await create({ rows: 2 });
    await few.load(0, folder);
    const request = { prompt: Int32Array.of(5), seeds: seeds(7), sampling: { temperature: 1, maxTokens: 6 } };
    expect(bits(await few.sample(0, request))).toEqual(bits(await policy.sample(0, request)));
    expect(await few.sample(0, { ...request, seeds: [] })).toEqual([]);
    await few.close();
  });
});

describe('versions', () => {
  it('isolates versions, and forgets an unloaded one', async () => {
    const mine = await create();
    await Promise.all([mine.load(0, folder), mine.load(7, other)]);
    const score = { tokens: ask(mine, '1 + 2'), from: 1, temperature: 1 };
    const [a, b] = await Promise.all([mine.score(0, score), mine.score(7, score)]);
    expect(a).not.toEqual(b);
    expect(b).toEqual(await policy.score(1, score));
    const underWay = mine.sample(7, {
      prompt: score.tokens,
      seeds: seeds(3),
      sampling: { temperature: 1, maxTokens: 30 },
    });
    await mine.unload(7);
    expect(mine.has(7)).toBe(false);
    expect(await underWay).toHaveLength(3);
    await expect(mine.score(7, score)).rejects.toThrow('version 7 is not loaded; loaded: 0');
    await mine.load(7, folder);
    expect(await mine.score(7, score)).toEqual(a);
    await mine.close();
  });

  it('rejects a different architecture and an unreadable folder, and stays usable', async () => {
    await expect(policy.load(9, tinyModel({ layers: 3 }))).rejects.toThrow(
      /a different architecture .*: layers is 3, expected 2/,
    );
    await expect(policy.load(9, '/nowhere')).rejects.toMatchObject({ code: 'bad-model-folder' });
    const cut = tinyModel();
    writeFileSync(join(cut, 'model.safetensors'), 'cut');
    await expect(policy.load(9, cut)).rejects.toMatchObject({ code: 'bad-model-file', name: 'UserError' });
    expect(policy.has(9)).toBe(false);
    expect(await policy.score(0, { tokens: Int32Array.of(1, 2), from: 1, temperature: 1 })).toHaveLength(1);
  });
});

describe('invalid requests', () => {
  it.each([
    [{ temperature: -1, maxTokens: 1 }, 'temperature is -1, expected 0 or more'],
    [{ temperature: Number.NaN, maxTokens: 1 }, 'temperature is NaN'],
    [{ temperature: 1, maxTokens: 0 }, 'maxTokens is 0, expected a whole number from 1'],
    [{ temperature: 1, maxTokens: 1, topK: 0 }, 'topK is 0'],
    [{ temperature: 1, maxTokens: 1, topP: 1.5 }, 'topP is 1.5, expected above 0 and at most 1'],
    [{ temperature: 1, maxTokens: 1, minP: 2 }, 'minP is 2, expected 0 to 1'],
    [{ temperature: 1, maxTokens: 1, stop: [''] }, 'stop is [""]'],
  ])('refuses %j', async (sampling, message) => {
    await expect(policy.sample(0, { prompt: Int32Array.of(1), seeds: [1n], sampling })).rejects.toThrow(message);
  });

  it('rejects tokens outside the vocabulary, no tokens, and an empty completion to score', async () => {
    const sampling = { temperature: 1, maxTokens: 1 };
    await expect(policy.sample(0, { prompt: Int32Array.of(1, 99999), seeds: [1n], sampling })).rejects.toThrow(
      /token id 99999/,
    );
    await expect(policy.sample(0, { prompt: new Int32Array(), seeds: [1n], sampling })).rejects.toThrow(/no tokens/);
    await expect(policy.score(0, { tokens: Int32Array.of(1, 2), from: 0, temperature: 1 })).rejects.toThrow(
      /from is 0, expected 1 to 2/,
    );
  });

  it('names the available devices, and the context length of the model', async () => {
    await expect(create({ device: 'cuda' })).rejects.toThrow('device: found "cuda", expected cpu');
    await expect(create({ contextLength: 4096 })).rejects.toThrow(/context length is 4096, expected 2 to 128/);
  });
});

it('does not block the event loop', async () => {
  const events: string[] = [];
  const sampling = policy
    .sample(0, { prompt: ask(policy, '1'), seeds: seeds(64), sampling: { temperature: 1, maxTokens: 100 } })
    .then(() => events.push('sampled'));
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    events.push('turn');
  }
  await sampling;
  expect(events).toEqual(['turn', 'turn', 'turn', 'turn', 'turn', 'sampled']);
});

it('rejects pending requests when it closes, and later ones', async () => {
  const closing = await create();
  await closing.load(0, folder);
  const request = { prompt: ask(closing, '1'), seeds: seeds(8), sampling: { temperature: 1, maxTokens: 100 } };
  const underWay = expect(closing.sample(0, request)).rejects.toThrow('the workers were closed');
  await closing.close();
  await underWay;
  await expect(closing.sample(0, request)).rejects.toThrow('the workers were closed');
});
