import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { program } from '../../src/cli/program.js';
import { inspectModel } from '../../src/models/inspect.js';
import { tinyModel } from './tiny-model.js';

function edited(name: string, edit: (json: Record<string, unknown>) => void): string {
  const folder = tinyModel();
  const json = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Record<string, unknown>;
  edit(json);
  writeFileSync(join(folder, name), JSON.stringify(json));
  return folder;
}

describe('inspectModel', () => {
  it('says what a checkpoint is', () => {
    const report = inspectModel(tinyModel());
    expect(report).toMatchObject({ problems: [], template: 'tokenizer_config.json', weights: { files: 1 } });
    expect(report.weights.dtypes).toEqual({ F32: report.weights.tensors });
    expect(report.tokenizer).toMatchObject({ type: 'BPE', endTokens: [{ text: '<|endoftext|>' }] });
  });

  it('names a folder that is missing', () => {
    expect(() => inspectModel('/nowhere/HuggingFaceTB/SmolLM2-135M')).toThrow(
      /no such folder.*hf download HuggingFaceTB/,
    );
  });

  it('names every field that is not supported', () => {
    const folder = edited('config.json', (json) => {
      json.hidden_act = 'gelu';
      json.quantization_config = { bits: 4 };
      json.rope_scaling = { rope_type: 'longrope', short_factor: [1] };
    });
    const { problems, config } = inspectModel(folder);
    expect(problems.map((line) => /field "(\w+)"/.exec(line)?.[1])).toEqual([
      'hidden_act',
      'quantization_config',
      'rope_type',
    ]);
    expect(config?.layers).toBeGreaterThan(0);
  });

  it.each<[string, string, RegExp]>([
    [
      'an unknown architecture',
      edited('config.json', (json) => (json.model_type = 'mamba')),
      /"model_type" is "mamba"/,
    ],
    [
      'a tokenizer of another model',
      edited('config.json', (json) => (json.vocab_size = 40)),
      /tokenizer of another model/,
    ],
    [
      'an id that would fill the memory',
      edited('tokenizer.json', (json) => {
        (json.added_tokens as { id: number }[])[0] = { ...(json.added_tokens as { id: number }[])[0], id: 2 ** 31 };
      }),
      /has id 2147483648/,
    ],
  ])('finds %s', (_, folder, problem) => {
    expect(inspectModel(folder).problems.join('\n')).toMatch(problem);
  });

  it('finds a missing shard and a truncated file', () => {
    const folder = tinyModel();
    truncateSync(join(folder, 'model.safetensors'), 600);
    expect(inspectModel(folder).problems.join()).toMatch(/model\.safetensors: truncated/);
    rmSync(join(folder, 'model.safetensors'));
    const map = { 'model.norm.weight': 'model-00002-of-00002.safetensors' };
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    expect(inspectModel(folder).problems.join()).toMatch(/model-00002-of-00002\.safetensors: the file is missing/);
    const outside = { 'model.norm.weight': '../other/model.safetensors' };
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: outside }));
    expect(inspectModel(folder).problems.join()).toMatch(/weight_map: found "..\/other\/model.safetensors", expected/);
  });
});

describe('rlsd model inspect', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });
  const run = async (...args: string[]): Promise<string> => {
    const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await program().parseAsync(['model', 'inspect', ...args], { from: 'user' });
    const text = write.mock.calls.map(([part]) => String(part)).join('');
    write.mockRestore();
    return text;
  };

  it('prints text or JSON, and exits with 2 where something is not supported', async () => {
    expect(await run(tinyModel())).toMatch(/^family +Llama 2 and 3, SmolLM2/m);
    expect(process.exitCode).toBeUndefined();
    const { memory, weights } = JSON.parse(await run(tinyModel(), '--json')) as {
      readonly memory: { readonly training: number };
      readonly weights: { readonly parameters: number };
    };
    expect(memory.training).toBe(24 * weights.parameters);
    const other = edited('config.json', (json) => (json.mlp_bias = true));
    expect(await run(other)).toMatch(/supported +no:\n {2}.*config\.json: field "mlp_bias" is true; expected false/);
    expect(process.exitCode).toBe(2);
  });
});
