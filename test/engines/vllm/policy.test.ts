import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { bindEngine } from '../../../src/engines/bind.js';
import { createOnnxPolicy } from '../../../src/engines/onnx/policy.js';
import type { Policy } from '../../../src/engines/policy.js';
import { vllmDefinition } from '../../../src/engines/vllm/engine.js';
import { FOLDER, type Playback, playback } from './playback.js';

const MODEL = { folder: FOLDER, device: 'cpu', workers: 1 };
const temporary = mkdtempSync(join(tmpdir(), 'rlsd-vllm-'));
let embedded: Policy;
let servers: Playback[] = [];
let policy: Policy | undefined;

beforeAll(async () => {
  embedded = await createOnnxPolicy(MODEL);
  await embedded.load(0, FOLDER);
});
afterEach(async () => {
  await policy?.close();
  policy = undefined;
  for (const server of servers) {
    expect(server.unknown).toEqual([]);
    await server.stop();
  }
  servers = [];
});
afterAll(async () => {
  await embedded.close();
  rmSync(temporary, { recursive: true });
});

async function open(settings: object = {}, count = 1): Promise<[Policy, Playback]> {
  for (let k = 0; k < count; k++) servers.push(await playback());
  const engine = bindEngine(vllmDefinition, { urls: servers.map(({ url }) => url), ...settings });
  policy = await engine.openPolicy(MODEL);
  await policy.load(0, FOLDER);
  const [first] = servers;
  if (!first) throw new RangeError('expected a server at least');
  return [policy, first];
}

/** Weights of another digest. The recorded answers are the same. */
function otherWeights(name: string): string {
  const folder = join(temporary, name);
  cpSync(FOLDER, folder, { recursive: true });
  writeFileSync(join(folder, 'model.safetensors'), name);
  return folder;
}

const sampling = { temperature: 1, maxTokens: 12 };
const request = (from: Policy) => ({
  prompt: from.encodePrompt([{ role: 'user', content: '3 + 4 = ?' }]),
  seeds: [7n, 2n ** 62n + 1n],
  sampling,
});

describe('a policy on vLLM', () => {
  it('samples with the log-probabilities of the embedded engine, a seed each', async () => {
    const [served] = await open();
    const { prompt, seeds } = request(served);
    const completions = await served.sample(0, { prompt, seeds, sampling });
    expect(completions).toHaveLength(2);
    expect(completions[0]?.tokens).not.toEqual(completions[1]?.tokens);
    for (const { tokens, logprobs, text } of completions) {
      const all = Int32Array.from([...prompt, ...tokens]);
      const expected = await embedded.score(0, { tokens: all, from: prompt.length, temperature: 1 });
      for (const [t, logprob] of logprobs.entries()) expect(logprob).toBeCloseTo(expected[t] ?? 0, 3);
      expect(text).toBe(served.decode(tokens));
    }
  });

  it('scores tokens and names the likeliest as the embedded engine does', async () => {
    const [served] = await open();
    const { prompt } = request(served);
    const [first] = await served.sample(0, request(served));
    const scored = {
      tokens: Int32Array.from([...prompt, ...(first?.tokens ?? [])]),
      from: prompt.length,
      temperature: 1,
    };
    const [found, expected] = [await served.score(0, scored), await embedded.score(0, scored)];
    expect(found).toHaveLength(first?.tokens.length ?? 0);
    for (const [t, logprob] of found.entries()) expect(logprob).toBeCloseTo(expected[t] ?? 0, 3);
    const top = await served.scoreTop?.(0, { ...scored, k: 3 });
    const reference = await embedded.scoreTop?.(0, { ...scored, k: 3 });
    expect(top?.ids).toEqual(reference?.ids);
    for (const field of ['logprobs', 'tailLogprobs'] as const)
      for (const [t, value] of (top?.[field] ?? []).entries())
        expect(Math.exp(value)).toBeCloseTo(Math.exp(reference?.[field][t] ?? 0), 3);
    await expect(served.score(0, { ...scored, temperature: 0.7 })).rejects.toThrow(/found 0.7.*temperature 1/);
  });

  it('ends a completion with the token that completes a stop string', async () => {
    const [served] = await open();
    const { prompt } = request(served);
    const stopping = { ...sampling, temperature: 0, stop: [';'] };
    const [one] = await served.sample(0, { prompt, seeds: [7n], sampling: stopping });
    expect(one?.finishReason).toBe('stop');
    expect(served.decode(one?.tokens ?? new Int32Array())).toMatch(/^[^;]*;$/);
    expect(one?.text).toMatch(/^[^;]+$/);
    expect(one?.logprobs).toHaveLength(one?.tokens.length ?? 0);
  });

  it('loads whole weights before the first answer of a version, under the path that the server sees', async () => {
    const [served, server] = await open({ folders: { [temporary]: '/mnt/runs/' } });
    await served.sample(0, request(served));
    expect(server.changes).toEqual([]);
    await served.load(1, otherWeights('v1'));
    await Promise.all([served.sample(1, request(served)), served.sample(1, request(served))]);
    const [loading, reload, reset, version, ...more] = server.changes;
    expect(loading).toMatch(/^\/update_weight_version .*loading/);
    expect(reload).toBe('/collective_rpc {"method":"reload_weights","kwargs":{"weights_path":"/mnt/runs/v1"}}');
    expect(reset).toMatch(/^\/reset_prefix_cache/);
    expect(version).toMatch(/^\/update_weight_version \{"new_version":"rlsd-[0-9a-f]{32}"\}$/);
    expect(more).toEqual([]);
  });

  it('drops an answer of a server that restarted meanwhile, and loads its version again', async () => {
    const [served, server] = await open();
    await served.load(1, otherWeights('v1'));
    let restarts = 1;
    server.instead = (path) => {
      if (path === '/v1/completions' && restarts-- > 0) server.weights = 'default';
      return undefined;
    };
    const completions = await served.sample(1, request(served));
    expect(completions).toHaveLength(2);
    expect(server.changes.filter((change) => change.startsWith('/collective_rpc'))).toHaveLength(2);
    expect(server.weights).toMatch(/^rlsd-/);
  });

  it('keeps adapters next to each other, and loads one again that a server has lost', async () => {
    const [served, server] = await open();
    for (const version of [1, 2]) {
      const folder = join(temporary, `adapter-${version}`);
      cpSync(FOLDER, folder, { recursive: true, filter: (name) => !name.endsWith('.safetensors') });
      writeFileSync(join(folder, 'adapter_config.json'), '{}');
      writeFileSync(join(folder, 'adapter_model.safetensors'), String(version));
      await served.load(version, folder);
    }
    await Promise.all([served.sample(1, request(served)), served.sample(2, request(served))]);
    expect(server.adapters?.size).toBe(2);
    expect(server.changes.every((change) => change.startsWith('/v1/load_lora_adapter'))).toBe(true);
    server.adapters?.clear();
    server.instead = (path, body) => {
      const name = /^\{"model":"([^"]*)"/.exec(body)?.[1];
      return path === '/v1/completions' && name !== undefined && !server.adapters?.has(name)
        ? { status: 404, json: { error: { message: `The model ${name} does not exist` } } }
        : undefined;
    };
    expect(await served.sample(2, request(served))).toHaveLength(2);
    expect(server.changes).toHaveLength(3);
    await served.unload(2);
    expect(server.changes.at(-1)).toMatch(/^\/v1\/unload_lora_adapter/);
  });

  it('scores at the servers of the teacher, which keep its version', async () => {
    const teacher = await playback();
    const [served, server] = await open({ teacher: { url: teacher.url } });
    servers.push(teacher);
    await served.load(1, otherWeights('v1'));
    const [first] = await served.sample(1, request(served));
    const { prompt } = request(served);
    await served.score(0, {
      tokens: Int32Array.from([...prompt, ...(first?.tokens ?? [])]),
      from: prompt.length,
      temperature: 1,
    });
    expect(server.weights).toMatch(/^rlsd-/);
    expect(teacher.weights).toBe('default');
  });

  it('continues with another server where one dies', async () => {
    const [served, first] = await open({}, 2);
    first.instead = (path) => (path === '/v1/completions' || path === '/health' ? 'break' : undefined);
    expect(await served.sample(0, request(served))).toHaveLength(2);
  });
});
