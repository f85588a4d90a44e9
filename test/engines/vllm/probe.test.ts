import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import { bindEngine } from '../../../src/engines/bind.js';
import type { CheckOptions } from '../../../src/engines/engine.js';
import { vllmDefinition } from '../../../src/engines/vllm/engine.js';
import { readModelFolder, writeModelFolder } from '../../../src/models/folder.js';
import { initModel } from '../../../src/models/init.js';
import { FOLDER, type Playback, playback } from './playback.js';

const temporary = mkdtempSync(join(tmpdir(), 'rlsd-probe-'));
afterAll(() => rmSync(temporary, { recursive: true }));
let server: Playback;
beforeEach(async () => {
  server = await playback();
});
afterEach(() => server.stop());

const sampling = { temperature: 1, maxTokens: 12 };
const conversations = [[{ role: 'user' as const, content: '3 + 4 = ?' }]];
const check = async (options: Partial<CheckOptions> = {}, settings: object = {}) => {
  const engine = bindEngine(vllmDefinition, { url: server.url, retries: 0, ...settings });
  const model = { folder: FOLDER, device: 'cpu', workers: 1 };
  return engine.check?.({ ...model, conversations, sampling, publishes: 'weights', ...options });
};

/** Answers of `path` go through `change` first. */
function changing(
  path: string,
  change: (body: string) => { readonly status?: number; readonly json?: unknown } | undefined,
) {
  server.instead = (asked, body) => (asked === path ? change(body) : undefined);
}

describe('the probe', () => {
  it.each([1, 0.7])(
    'accepts a server that samples at temperature %f as the embedded engine scores',
    async (temperature) => {
      expect(await check({ sampling: { ...sampling, temperature } })).toEqual([]);
      expect(server.unknown).toEqual([]);
      expect(server.changes).toEqual([]);
    },
  );

  it('tells how log-probabilities differ from those of the model', async () => {
    const { config, files } = readModelFolder(FOLDER);
    const folder = join(temporary, 'other');
    cpSync(FOLDER, folder, { recursive: true });
    writeModelFolder(folder, { config, files, parameters: initModel(config, 3) });
    const [drawn, given] = (await check({ folder })) ?? [];
    expect(drawn).toMatch(/log-probabilities of drawn tokens differ by \d+\.\d+ on average from those of .*other/);
    expect(given).toMatch(
      /log-probabilities of given tokens differ .* expected at most 0\.05; the server has other weights/,
    );
    expect(await check({ folder }, { probe: false })).toEqual([]);
    expect(await check({ folder }, { tolerance: 10 })).toEqual([]);
  });

  it('names the first token that differs', async () => {
    changing('/tokenize', (body) => ({ json: { tokens: body.includes('messages') ? [1, 2] : [3] } }));
    const problems = await check();
    expect(problems).toHaveLength(2);
    expect(problems?.[1]).toBe(
      `${server.url}: gives a conversation other token ids than ${FOLDER}: token 0 is 1, expected 452`,
    );
  });

  it('refuses a server of another model, another kind, or none', async () => {
    expect(await check({}, { model: 'big' })).toEqual([
      expect.stringMatching(
        /offers examples\/models\/arithmetic; expected big, which model\.engine\.vllm\.model names/,
      ),
    ]);
    changing('/v1/models', () => ({ json: { data: [{ id: 'gpt' }] } }));
    expect(await check()).toEqual([expect.stringMatching(/no max_model_len, which vLLM has; use engine openai/)]);
    await server.stop();
    expect(await check()).toEqual([expect.stringMatching(/ECONNREFUSED.*expected a vLLM server/)]);
    await server.start();
  });

  it('refuses a server that takes no new weights, before the run', async () => {
    server.weights = undefined;
    expect(await check()).toEqual([expect.stringMatching(/takes no whole weights.*VLLM_SERVER_DEV_MODE=1/)]);
    server.weights = 'default';
    server.adapters = undefined;
    changing('/server_info?config_format=json', () => ({ json: { vllm_config: { lora_config: null } } }));
    expect(await check({ publishes: 'adapters' })).toEqual([
      expect.stringMatching(/takes no adapters.*VLLM_ALLOW_RUNTIME_LORA_UPDATING=1 and --enable-lora/),
    ]);
    server.adapters = new Set();
    changing('/server_info?config_format=json', () => ({ json: { vllm_config: { lora_config: {} } } }));
    expect(await check({ publishes: 'adapters' })).toEqual([]);
  });

  it.each([
    [{ temperature: 3 }, /found 3, expected at most 2/],
    [{ temperature: 0.001 }, /found 0.001, expected 0 or at least 0.01/],
    [{ temperature: 0.7, topP: 0.9 }, /rollout.topP: vLLM gives no log-probabilities before truncation/],
    [{ topK: 5 }, /rollout.topK: .*--logprobs-mode raw_logprobs/],
  ])('refuses %j, whose log-probabilities would be others', async (draw, message) => {
    expect(await check({ sampling: { ...sampling, ...draw } })).toEqual([expect.stringMatching(message)]);
  });

  it('refuses a teacher under another temperature, and a separate one without servers', async () => {
    const problems = await check({ sampling: { ...sampling, temperature: 0.7 }, scores: 0 });
    expect(problems).toEqual([expect.stringMatching(/a teacher on vLLM needs temperature 1/)]);
    expect(await check({ isTeacher: true })).toEqual([
      expect.stringMatching(/vllm\.teacher: is missing; teach\.model/),
    ]);
    expect(await check({}, { urls: ['http://localhost:1'] })).toEqual([expect.stringMatching(/found url and urls/)]);
  });
});
