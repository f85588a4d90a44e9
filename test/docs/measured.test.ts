import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { float32Bytes, int32Bytes } from '../../src/records/arrays.js';
import { codecFor } from '../../src/records/codec.js';
import { advantageOf, promptOf, rolloutOf } from '../fakes/records.js';
import { pages, read, root } from './markdown.js';

const examples = readdirSync(`${root}examples`).filter((file) => file.endsWith('.yaml'));
/** Gains in the headers of examples; scripts/guide-figures.mjs compares them with what runs. */
const gains = examples.flatMap((file) => {
  const header = read(`examples/${file}`).replaceAll(/\n# ?/g, ' ');
  const [, gain] = /held-out accuracy rises (from [\d.]+ % to [\d.]+ %)/.exec(header) ?? [];
  return gain === undefined ? [] : [{ file, gain }];
});

describe('measured figures', () => {
  it('gains in the guides are those of the examples', () => {
    expect(gains.map(({ file }) => file)).toEqual([
      'code.yaml',
      'documents.yaml',
      'json-schema.yaml',
      'lora.yaml',
      'sql.yaml',
    ]);
    const told = pages.flatMap((page) => read(page).match(/rises? from [\d.]+ % to [\d.]+ %/g) ?? []);
    expect(told.length).toBeGreaterThan(0);
    const known = gains.map(({ gain }) => gain);
    expect(told.filter((gain) => !known.includes(gain.replace(/^rises? /, '')))).toEqual([]);
  });

  it('docs/supervise.md prints what made the base model in the repository', () => {
    const page = read('docs/supervise.md');
    const model = readFileSync(`${root}examples/models/arithmetic/model.safetensors`);
    expect(page).toContain(`model.safetensors ${createHash('sha256').update(model).digest('hex')}`);
    const header = model.subarray(8, 8 + Number(model.readBigUInt64LE())).toString();
    const shapes = Object.entries(JSON.parse(header) as Record<string, { shape?: number[] }>);
    const parameters = shapes.map(([, { shape }]) => shape?.reduce((a, b) => a * b, 1) ?? 0).reduce((a, b) => a + b);
    expect(page).toContain(`${parameters} parameters`);
  });

  it('docs/evidence.md names the accuracies of docs/supervise.md', () => {
    const page = read('docs/supervise.md');
    const accuracy = (row: string) => Math.round(Number(new RegExp(`^${row} .* ([\\d.]+) %$`, 'm').exec(page)?.[1]));
    const [plain, shuffled] = [accuracy('plain'), accuracy("another prompt's hint")];
    expect(read('docs/evidence.md')).toContain(`raises the accuracy from ${plain} to ${shuffled} %`);
  });

  describe('docs/kafka.md', () => {
    const page = read('docs/kafka.md');

    it('has the size of the model of the example', () => {
      const megabytes = statSync(`${root}examples/models/arithmetic/model.safetensors`).size / 1e6;
      expect(page).toContain(`the example's ${megabytes.toFixed(1)} MB make`);
    });

    it('has the bytes per token of rollouts and advantages', () => {
      const ints = (length: number) => int32Bytes(new Int32Array(length).fill(300));
      const floats = (length: number) => float32Bytes(new Float32Array(length).fill(-1.5));
      const rollout = rolloutOf(promptOf(1), 0, 1);
      const advantage = advantageOf(promptOf(1));
      const sizes = {
        rollout: (prompt: number, completion: number) =>
          codecFor('rollouts').encode({
            ...rollout,
            promptTokens: ints(prompt),
            completionTokens: ints(completion),
            samplingLogprobs: floats(completion),
          }).length,
        advantage: (prompt: number, completion: number) =>
          codecFor('advantages').encode({
            ...advantage,
            promptTokens: ints(prompt),
            completionTokens: ints(completion),
            mask: new Uint8Array(completion),
            samplingLogprobs: floats(completion),
            tokenAdvantages: floats(completion),
          }).length,
      };
      const perToken = Object.values(sizes).map((size) => ({
        prompt: Math.round((size(1100, 100) - size(100, 100)) / 1000),
        completion: Math.round((size(100, 1100) - size(100, 100)) / 1000),
      }));
      const [, ...told] =
        /a rollout takes .*?(\d+) bytes per prompt token, (\d+) per completion token.* an advantage .*?(\d+) bytes per prompt token and (\d+) per completion token/.exec(
          page,
        ) ?? [];
      expect(told.map(Number)).toEqual(perToken.flatMap(({ prompt, completion }) => [prompt, completion]));
    });
  });
});
