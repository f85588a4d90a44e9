import { describe, expect, it } from 'vitest';
import { policyRows, supervisedRows, tokenShares } from '../../src/learner/samples.js';

describe('token weights', () => {
  const masks = [Uint8Array.of(1, 1, 1), Uint8Array.of(0, 1), Uint8Array.of(0)];

  it('tokenMean weights tokens equally, sequenceMean trained sequences', () => {
    expect(tokenShares(masks, 'tokenMean')).toEqual([1 / 4, 1 / 4, 0]);
    expect(tokenShares(masks, 'sequenceMean')).toEqual([1 / 6, 1 / 2, 0]);
  });
});

describe('rows of a policy loss', () => {
  const sample = {
    promptTokens: Int32Array.of(5, 6),
    completionTokens: Int32Array.of(7, 8, 9),
    mask: Uint8Array.of(1, 0, 1),
    samplingLogprobs: Float32Array.of(-1, -2, -3),
    tokenAdvantages: Float32Array.of(4, 0, 6),
    temperature: 0,
  };
  const reads = (
    ...inputs: ('samplingLogprobs' | 'tokenAdvantages' | 'targetTopLogprobs' | 'targetTailLogprobs')[]
  ) => ({
    inputs,
    readsTop: inputs.includes('targetTopLogprobs'),
  });

  it('place each completion token where it is predicted', () => {
    const [row] = policyRows([sample], 'tokenMean', reads('samplingLogprobs', 'tokenAdvantages'));
    expect(row?.tokens).toEqual(Int32Array.of(5, 6, 7, 8, 9));
    expect(row?.temperature).toBe(1);
    expect(row?.weights).toEqual(Float32Array.of(0, 0.5, 0, 0.5));
    expect(row?.inputs.get('samplingLogprobs')).toEqual(Float32Array.of(0, -1, 0, -3));
    expect(row?.inputs.get('tokenAdvantages')).toEqual(Float32Array.of(0, 4, 0, 6));
  });

  it('contain only what the loss reads', () => {
    const [row] = policyRows([sample], 'tokenMean', reads('tokenAdvantages'));
    expect([...(row?.inputs.keys() ?? [])]).toEqual(['tokenAdvantages']);
    expect(row).not.toHaveProperty('top');
  });

  it("multiply weights by the sample's token weights", () => {
    const weighted = { ...sample, tokenWeights: Float32Array.of(2, 9, 0) };
    const [row] = policyRows([weighted], 'tokenMean', reads('tokenAdvantages'));
    expect(row?.weights).toEqual(Float32Array.of(0, 1, 0, 0));
  });

  it('place k distillation targets at each token', () => {
    const distillation = {
      k: 2,
      topIds: Int32Array.of(1, 2, 3, 4, 5, 6),
      topLogprobs: Float32Array.of(-1, -2, -3, -4, -5, -6),
      tailLogprobs: Float32Array.of(-7, -8, -9),
    };
    const [row] = policyRows(
      [{ ...sample, distillation }],
      'tokenMean',
      reads('targetTopLogprobs', 'targetTailLogprobs'),
    );
    expect(row?.top).toEqual({ k: 2, ids: Int32Array.of(0, 0, 1, 2, 3, 4, 5, 6) });
    expect(row?.inputs.get('targetTopLogprobs')).toEqual(Float32Array.of(0, 0, -1, -2, 0, 0, -5, -6));
    expect(row?.inputs.get('targetTailLogprobs')).toEqual(Float32Array.of(0, -7, 0, -9));
  });
});

it('rows of cross-entropy omit the first token', () => {
  const [row] = supervisedRows([{ tokens: Int32Array.of(3, 4, 5), mask: Uint8Array.of(1, 0, 1) }]);
  expect(row?.weights).toEqual(Float32Array.of(0, 1));
});
