import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bindEngine, defineEngine } from '../../src/engines/bind.js';
import { type Capabilities, lacking } from '../../src/engines/engine.js';
import { engineSchema, loadEngine, reachless, recordEngine, registeredEngine } from '../../src/engines/engine-spec.js';
import { vllmDefinition } from '../../src/engines/vllm/engine.js';
import { tinyModel } from '../models/tiny-model.js';

const none: Capabilities = {
  samples: false,
  scores: 'none',
  trains: false,
  adapters: false,
  images: false,
  bitReproducible: false,
  devices: ['cpu'],
  weights: 'none',
};
const mute = { name: 'mute', capabilities: none };
const folder = mkdtempSync(join(tmpdir(), 'rlsd-engine-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const definition = defineEngine({
  name: 'mine',
  summary: 'A test.',
  settings: z.strictObject({ size: z.int().min(1).default(3) }),
  create: () => ({ capabilities: none, openPolicy: () => Promise.reject(new Error('never opened')) }),
});

describe('lacking', () => {
  it('finds nothing missing from an engine that meets all needs', () => {
    const able: Capabilities = { ...none, samples: true, scores: 'topK', trains: true, weights: 'folder' };
    const needs = { samples: { by: 'a' }, scores: { kind: 'sampled', by: 'b' }, trains: { by: 'c' } } as const;
    expect(lacking({ name: 'able', capabilities: able }, { device: 'cpu', ...needs })).toEqual([]);
  });

  it.each([
    [{ device: 'cuda' }, 'model.device: found "cuda", expected cpu for engine mute'],
    [{ samples: { by: 'rollout' } }, 'model.engine: mute does not sample, which rollout needs'],
    [{ scores: { kind: 'topK', by: 'shape.opd' } }, /scores of kind none; .* with topK scores, which shape\.opd needs/],
    [{ trains: { by: 'learn' } }, 'model.engine: mute does not train, which learn needs'],
  ] as const)('names what is missing for %j', (needs, message) => {
    expect(lacking(mute, { device: 'cpu', ...needs })[0]).toMatch(message);
  });

  it('reports top-k scores and new weights for an engine without them', () => {
    const sampled = { name: 'sampled', capabilities: { ...none, scores: 'sampled', trains: true } as const };
    expect(lacking(sampled, { device: 'cpu', scores: { kind: 'sampled', by: 'teach' } })).toEqual([]);
    expect(lacking(sampled, { device: 'cpu', scores: { kind: 'topK', by: 'teach' } })).toHaveLength(1);
    expect(lacking(sampled, { device: 'cpu', trains: { by: 'learn' } })).toEqual([
      'model.engine: sampled takes no new weights, which learn publishes',
    ]);
  });
});

describe('how an engine is reached', () => {
  it('is neither part of its id nor of what a manifest compares', () => {
    const near = bindEngine(vllmDefinition, { url: 'http://near:1' });
    expect(bindEngine(vllmDefinition, { urls: ['http://far:1'], seconds: 3 }).id).toBe(near.id);
    expect(bindEngine(vllmDefinition, { url: 'http://near:1', model: 'big' }).id).not.toBe(near.id);
    expect(reachless({ vllm: { url: 'http://near:1', model: 'big' } })).toEqual({ vllm: { model: 'big' } });
    expect(reachless({ module: 'mine.mjs', url: 'kept' })).toEqual({ module: 'mine.mjs', url: 'kept' });
  });
});

describe('bindEngine', () => {
  it('fills in defaults, and has an id that depends on settings and module', () => {
    const ids = [
      bindEngine(definition, {}),
      bindEngine(definition, { size: 3 }),
      bindEngine(definition, { size: 4 }),
    ].map(({ id }) => id);
    expect(ids[0]).toBe(ids[1]);
    expect(ids[2]).not.toBe(ids[0]);
    expect(bindEngine(definition, {}, { moduleHash: 'a' }).id).not.toBe(ids[0]);
    expect(ids[0]).toMatch(/^mine@[0-9a-f]{16}$/);
  });

  it('names each wrong setting', () => {
    expect(() => bindEngine(definition, { size: 0 })).toThrow(
      /^model\.engine\.mine\.size: found 0; expected a number of at least 1/i,
    );
    expect(() => bindEngine(definition, { sise: 2 })).toThrow(
      'model.engine.mine.sise: unknown field; did you mean size?',
    );
  });
});

describe('registeredEngine', () => {
  it('accepts a name or a name with settings', () => {
    expect(registeredEngine('onnx').name).toBe('onnx');
    expect(registeredEngine({ onnx: { rows: 8 } }).id).not.toBe(registeredEngine('onnx').id);
  });

  it('lists the engines', () => {
    expect(() => registeredEngine('onxx')).toThrow('model.engine: unknown engine "onxx"; did you mean onnx?');
    expect(() => registeredEngine('zzzzzz')).toThrow('expected one of onnx, vllm, openai, or { module: FILE }');
    expect(() => registeredEngine({ module: './mine.mjs' })).toThrow(/is a file; import it/);
  });

  it('is a placeholder for an engine that another program passed as an object, and refuses to run', async () => {
    const engine = registeredEngine(recordEngine(bindEngine(definition, {})));
    expect(engine.name).toBe('mine');
    const options = { folder, device: 'cpu', workers: 1 };
    expect(await engine.check?.(options)).toEqual([expect.stringContaining('given as an object by another program')]);
    await expect(engine.openPolicy(options)).rejects.toMatchObject({ code: 'absent-engine' });
  });
});

describe('engineSchema', () => {
  it.each(['onnx', { onnx: {} }, { onnx: { rows: 4 } }, { module: './mine.mjs', size: 2 }])('accepts %j', (spec) => {
    expect(engineSchema().safeParse(spec).success).toBe(true);
  });
  it.each(['other', { onnx: { row: 4 } }, {}, 3])('refuses %j', (spec) => {
    expect(engineSchema().safeParse(spec).success).toBe(false);
  });
});

describe('loadEngine', () => {
  const module = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return `./${name}`;
  };
  const schema = '{ safeParse: (value) => ({ success: true, data: value }) }';
  const engine = `{ name: 'mine', summary: 'Mine.', settings: ${schema}, create: (settings, { folder }) =>
    ({ capabilities: { ...${JSON.stringify(none)}, devices: [settings.on, folder] }, openPolicy: async () => {} }) }`;

  it('loads a module with its settings and the folder that paths are relative to', async () => {
    const path = module('good.mjs', `export default ${engine};`);
    const loaded = await loadEngine({ module: path, on: 'abacus' }, folder);
    expect(loaded.capabilities.devices).toEqual(['abacus', folder]);
    expect(loaded.name).toBe('mine');
  });

  it.each([
    ['missing.mjs', undefined, /cannot be loaded: .*ENOENT/],
    ['empty.mjs', 'export const a = 1;', /has no default export; expected `export default defineEngine/],
    ['function.mjs', 'export default () => {};', /default export: .*expected object/],
    ['nameless.mjs', `export default { ...${engine}, name: 'A B' };`, /default export\.name: expected lower-case/],
    ['static.mjs', `export default { ...${engine}, create: 1 };`, /default export\.create: expected a function/],
    ['broken.mjs', "throw new Error('no card');", /cannot be loaded: no card/],
  ])('says what is wrong with %s', async (name, text, message) => {
    const path = text === undefined ? `./${name}` : module(name, text);
    const loading = loadEngine({ module: path }, folder);
    await expect(loading).rejects.toMatchObject({ code: 'bad-engine', message: expect.stringMatching(message) });
  });
});

describe('the ONNX engine', () => {
  const onnx = registeredEngine('onnx');
  const options = (model: string) => ({ folder: model, device: 'cpu', workers: 1 });

  it('reports why a model folder cannot run', async () => {
    expect(await onnx.check?.(options(tinyModel()))).toEqual([]);
    const cut = tinyModel();
    writeFileSync(join(cut, 'model.safetensors'), 'cut');
    expect(await onnx.check?.(options(cut))).toEqual([expect.stringContaining('model.safetensors: truncated')]);
    expect(await onnx.check?.(options('/nowhere'))).toEqual([expect.stringContaining('no such folder')]);
  });

  it('opens a policy that scores top-k, as it declares', async () => {
    const policy = await onnx.openPolicy(options(tinyModel()));
    expect(onnx.capabilities.scores).toBe('topK');
    expect(policy.scoreTop).toBeTypeOf('function');
    await policy.close();
  });
});
