import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/models/config.js';
import { initModel } from '../../src/models/init.js';
import { fillNormal, uniformAt, uniforms } from '../../src/models/random.js';

const chiSquare = (values: readonly number[], cells: number): number => {
  const counts = new Array<number>(cells).fill(0);
  for (const value of values) {
    const cell = Math.floor(value * cells);
    counts[cell] = (counts[cell] ?? 0) + 1;
  }
  const expected = values.length / cells;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
};
// Mean 63, deviation 11.2: five deviations.
const LIMIT = 63 + 5 * Math.sqrt(2 * 63);

describe('uniformAt', () => {
  it('is in [0, 1), exact in float32, and depends only on seed and index', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.nat(), (seed, t) => {
        const u = uniformAt(seed, t);
        expect(u).toBeGreaterThanOrEqual(0);
        expect(u).toBeLessThan(1);
        expect(Math.fround(u)).toBe(u);
        expect(uniformAt(seed, t)).toBe(u);
      }),
    );
  });

  it('is uniform along a stream, and across neighbouring seeds', () => {
    const n = Array.from({ length: 8192 }, (_, i) => i);
    expect(
      chiSquare(
        n.map((t) => uniformAt(7n, t)),
        64,
      ),
    ).toBeLessThan(LIMIT);
    expect(
      chiSquare(
        n.map((seed) => uniformAt(BigInt(seed), 0)),
        64,
      ),
    ).toBeLessThan(LIMIT);
  });

  it('has disjoint streams, even for seeds that differ by the step of the hash', () => {
    const step = 0x9e3779b97f4a7c15n;
    for (const seed of [1n, step, (2n * step) & (2n ** 63n - 1n)]) {
      const pairs = Array.from({ length: 4096 }, (_, t) => [uniformAt(0n, t), uniformAt(seed, t)] as const);
      const mean = pairs.reduce((sum, [a, b]) => sum + (a - 0.5) * (b - 0.5), 0) / pairs.length;
      expect(Math.abs(mean)).toBeLessThan(5 / 12 / Math.sqrt(pairs.length));
      const later = new Set(pairs.map(([a]) => a));
      expect(pairs.filter(([, b]) => later.has(b)).length).toBeLessThan(10);
    }
  });
});

describe('initModel', () => {
  it('fills with a normal distribution of the requested deviation', () => {
    const data = new Float32Array(20_001);
    fillNormal(data, 2, uniforms(5n));
    const mean = data.reduce((a, b) => a + b) / data.length;
    const variance = data.reduce((a, b) => a + (b - mean) ** 2, 0) / data.length;
    expect(Math.abs(mean)).toBeLessThan(0.08);
    expect(Math.abs(variance - 4)).toBeLessThan(0.25);
    expect(data.filter((x) => Math.abs(x) < 2).length / data.length).toBeCloseTo(0.683, 1);
  });

  it('sets norms to 1, biases to 0, and scales matrices that write to the residual stream', () => {
    const json = {
      model_type: 'qwen2',
      hidden_size: 64,
      num_hidden_layers: 8,
      num_attention_heads: 4,
      num_key_value_heads: 4,
      intermediate_size: 128,
      vocab_size: 300,
      max_position_embeddings: 64,
    };
    const model = initModel(parseConfig(json, 'config.json'), 3);
    const deviation = (name: string): number => {
      const data = model.get(name)?.data ?? new Float32Array();
      return Math.sqrt(data.reduce((a, b) => a + b * b, 0) / data.length);
    };
    expect(deviation('model.norm.weight')).toBe(1);
    expect(deviation('model.layers.0.self_attn.q_proj.bias')).toBe(0);
    expect(deviation('model.layers.0.self_attn.q_proj.weight')).toBeCloseTo(1 / 8, 2);
    expect(deviation('model.layers.0.self_attn.o_proj.weight')).toBeCloseTo(1 / 8 / 4, 2);
    expect(deviation('lm_head.weight')).toBeCloseTo(1 / 8, 2);
    const head = (seed: number) => [
      ...(initModel(parseConfig(json, 'config.json'), seed).get('lm_head.weight')?.data ?? []),
    ];
    expect(head(3)).toEqual([...(model.get('lm_head.weight')?.data ?? [])]);
    expect(head(4)).not.toEqual(head(3));
  });
});
