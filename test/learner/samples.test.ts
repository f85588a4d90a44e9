import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { microBatches, policyRows, supervisedRows, tokenWeights } from '../../src/learner/samples.js';
import { checkSettings, defaultSettings, learningRate } from '../../src/learner/settings.js';
import { sampleOf } from './samples.js';

describe('weights of tokens', () => {
  const masks = [Uint8Array.of(1, 1, 1), Uint8Array.of(0, 1), Uint8Array.of(0)];
  it('tokenMean gives every token the same, sequenceMean every sequence that trains', () => {
    expect(tokenWeights(masks, 'tokenMean')).toEqual([1 / 4, 1 / 4, 0]);
    expect(tokenWeights(masks, 'sequenceMean')).toEqual([1 / 6, 1 / 2, 0]);
  });
});

it('rows of the policy loss put each completion token where it is predicted', () => {
  const [row] = policyRows(
    [
      {
        promptTokens: Int32Array.of(5, 6),
        completionTokens: Int32Array.of(7, 8, 9),
        mask: Uint8Array.of(1, 0, 1),
        samplingLogprobs: Float32Array.of(-1, -2, -3),
        tokenAdvantages: Float32Array.of(4, 0, 6),
        temperature: 0,
      },
    ],
    'tokenMean',
  );
  expect(row?.tokens).toEqual(Int32Array.of(5, 6, 7, 8, 9));
  expect(row?.temperature).toBe(1);
  expect(row?.inputs.get('weights')).toEqual(Float32Array.of(0, 0.5, 0, 0.5));
  expect(row?.inputs.get('samplingLogprobs')).toEqual(Float32Array.of(0, -1, 0, -3));
  expect(row?.inputs.get('tokenAdvantages')).toEqual(Float32Array.of(0, 4, 0, 6));
});

it('rows of cross-entropy leave the first token out', () => {
  const [row] = supervisedRows([{ tokens: Int32Array.of(3, 4, 5), mask: Uint8Array.of(1, 0, 1) }]);
  expect(row?.inputs.get('weights')).toEqual(Float32Array.of(0, 1));
});

it('micro-batches hold every row once, of one temperature, within their size', () => {
  const samples = fc.array(fc.record({ length: fc.integer({ min: 1, max: 30 }), warm: fc.boolean() }), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(samples, fc.integer({ min: 1, max: 100 }), (shapes, size) => {
      const rows = policyRows(
        shapes.map(({ length, warm }, i) => ({ ...sampleOf(i, 2, length, 20), temperature: warm ? 0.5 : 1 })),
        'tokenMean',
      );
      const batches = microBatches(rows, size);
      expect(new Set(batches.flat())).toEqual(new Set(rows));
      expect(batches.flat()).toHaveLength(rows.length);
      for (const batch of batches) {
        expect(new Set(batch.map(({ temperature }) => temperature)).size).toBe(1);
        const width = Math.max(...batch.map(({ tokens }) => tokens.length)) - 1;
        expect(batch.length === 1 || batch.length * width <= size).toBe(true);
      }
    }),
  );
});

describe('settings', () => {
  const settings = { ...defaultSettings, lr: 1e-3 };

  it('warm up linearly and decay to zero', () => {
    const rates = (decay: 'constant' | 'linear' | 'cosine') =>
      [0, 1, 2, 4, 6].map((step) => learningRate({ ...settings, warmup: 2, decay, totalSteps: 6 }, step));
    expect(rates('constant')).toEqual([0.5e-3, 1e-3, 1e-3, 1e-3, 1e-3]);
    expect(rates('linear')).toEqual([0.5e-3, 1e-3, 1e-3, 0.5e-3, 0]);
    rates('cosine').forEach((rate, i) => {
      expect(rate).toBeCloseTo([0.5e-3, 1e-3, 1e-3, 0.5e-3, 0][i] ?? -1, 12);
    });
  });

  it('out of range are refused by name', () => {
    expect(() => checkSettings(settings)).not.toThrow();
    expect(() => checkSettings({ ...settings, lr: -1 })).toThrow('learn.lr is -1; expected a positive number');
    expect(() => checkSettings({ ...settings, decay: 'linear' })).toThrow('learn.totalSteps');
    expect(() => checkSettings({ ...settings, clip: [1.5, 0.2] })).toThrow('learn.clip');
  });
});
