import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parameterShapes } from '../../src/models/config.js';
import { modelDigest, readConfig, readModelFolder, weightPlaces, writeModelFolder } from '../../src/models/folder.js';
import { readSafetensors, type Tensor, writeSafetensors } from '../../src/models/safetensors.js';
import { equalTensors } from '../../src/models/weights/weight-values.js';
import { tinyModel } from './tiny-model.js';

const newFolder = (): string => mkdtempSync(join(tmpdir(), 'rlsd-folder-'));
const weights = (folder: string): string => join(folder, 'model.safetensors');

function change(folder: string, edit: (tensors: Map<string, Tensor>) => void): void {
  const tensors = readSafetensors(weights(folder));
  edit(tensors);
  writeSafetensors(weights(folder), tensors);
}

describe('model folder', () => {
  it.each([
    ['llama', true],
    ['qwen2', false],
    ['qwen3', true],
  ] as const)('writes back %s (tied: %s) as it was read', (modelType, tied) => {
    const folder = tinyModel({ modelType, tied });
    const model = readModelFolder(folder);
    expect([...model.parameters.keys()]).toEqual([...parameterShapes(model.config).keys()]);
    const copy = newFolder();
    const digest = writeModelFolder(copy, model);
    expect(digest).toBe(modelDigest(folder));
    expect(modelDigest(copy)).toBe(digest);
    for (const name of ['config.json', 'tokenizer.json', 'tokenizer_config.json'])
      expect(readFileSync(join(copy, name))).toEqual(readFileSync(join(folder, name)));
  });

  it('creates the same tiny model from the same seed, a different one from another', () => {
    expect(modelDigest(tinyModel({ seed: 3 }))).toBe(modelDigest(tinyModel({ seed: 3 })));
    expect(modelDigest(tinyModel({ seed: 3 }))).not.toBe(modelDigest(tinyModel({ seed: 4 })));
  });

  it('reads shards, and writes them back as one file', () => {
    const folder = tinyModel();
    const whole = readModelFolder(folder);
    const tensors = [...readSafetensors(weights(folder))];
    const map: Record<string, string> = {};
    for (const [i, part] of [tensors.slice(0, 7), tensors.slice(7)].entries()) {
      const name = `model-0000${i + 1}-of-00002.safetensors`;
      writeSafetensors(join(folder, name), new Map(part));
      for (const [tensor] of part) map[tensor] = name;
    }
    writeFileSync(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
    rmSync(weights(folder));
    const sharded = readModelFolder(folder);
    expect(sharded.parameters).toEqual(whole.parameters);
    writeModelFolder(folder, sharded);
    expect(existsSync(join(folder, 'model.safetensors.index.json'))).toBe(false);
    expect(readModelFolder(folder).parameters).toEqual(whole.parameters);
    rmSync(weights(folder));
    expect(() => modelDigest(folder)).toThrow(/model\.safetensors: the file is missing/);
  });

  it.each(['llama', 'qwen3'])('writes what it read of %s in the same types, shapes and names, bit for bit', (name) => {
    const from = fileURLToPath(new URL(`../engines/pytorch/${name}`, import.meta.url));
    const to = newFolder();
    writeModelFolder(to, readModelFolder(from));
    const placesOf = (folder: string) =>
      new Map(weightPlaces(folder).map((place) => [place.name, { dtype: place.dtype, shape: place.shape }]));
    expect(placesOf(to)).toEqual(placesOf(from));
    expect(equalTensors(weightPlaces(to), weightPlaces(from))).toBe(true);
    expect(readFileSync(join(to, 'config.json'))).toEqual(readFileSync(join(from, 'config.json')));
  });

  it('omits a tied head, and declares float32 in config.json where no other types are known', () => {
    const folder = tinyModel({ tied: true });
    change(folder, (tensors) => {
      const embedding = tensors.get('model.embed_tokens.weight');
      if (embedding) tensors.set('lm_head.weight', embedding);
    });
    const file = join(folder, 'config.json');
    writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, 'utf8')), torch_dtype: 'bfloat16' }));
    const { dtypes: _, ...model } = readModelFolder(folder);
    expect(model.parameters.has('lm_head.weight')).toBe(false);
    const copy = newFolder();
    writeModelFolder(copy, model);
    expect(JSON.parse(readFileSync(join(copy, 'config.json'), 'utf8')).torch_dtype).toBe('float32');
    expect(readConfig(copy)).toEqual(model.config);
  });

  it('names a missing, misshapen or unknown tensor, and the nearest name', () => {
    const missing = tinyModel();
    change(missing, (tensors) => {
      const norm = tensors.get('model.norm.weight');
      tensors.delete('model.norm.weight');
      if (norm) tensors.set('model.norms.weight', norm);
    });
    expect(() => readModelFolder(missing)).toThrow(
      /tensor model\.norm\.weight is missing, expected \[32\] \(there is model\.norms\.weight\)/,
    );
    const misshapen = tinyModel();
    change(misshapen, (tensors) => tensors.set('model.norm.weight', { shape: [4], data: new Float32Array(4) }));
    expect(() => readModelFolder(misshapen)).toThrow(
      /model\.safetensors: tensor model\.norm\.weight has shape \[4\], config\.json expects \[32\]/,
    );
    const extra = tinyModel();
    change(extra, (tensors) => tensors.set('vision.weight', { shape: [1], data: new Float32Array(1) }));
    expect(() => readModelFolder(extra)).toThrow(/tensor vision\.weight belongs to no part of a llama model/);
  });

  it('rejects a missing folder, a missing config, a config that is not JSON, and truncated weights', () => {
    expect(() => readModelFolder('/nowhere/at/all')).toThrow(/\/nowhere\/at\/all: no such folder/);
    const folder = tinyModel();
    truncateSync(weights(folder), 5000);
    expect(() => readModelFolder(folder)).toThrow(/model\.safetensors: truncated: tensor/);
    writeFileSync(join(folder, 'config.json'), '{');
    expect(() => readModelFolder(folder)).toThrow(/config\.json: not JSON/);
    rmSync(join(folder, 'config.json'));
    expect(() => readModelFolder(folder)).toThrow(/config\.json: the file is missing/);
  });
});
