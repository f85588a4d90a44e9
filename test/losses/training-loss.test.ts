import { expect, it } from 'vitest';
import { clippedPolicy, crossEntropy, sumLosses, trainingLoss } from '../../src/losses/index.js';

it('a pipeline sets the clip range and adds a KL term', () => {
  const base = clippedPolicy.create();
  expect(trainingLoss(base, { clip: [0.2, 0.28], kl: 0 }).id).toBe(base.id);
  expect(trainingLoss(base, { clip: [0.1, 0.1], kl: 0 }).id).toBe(clippedPolicy.create({ clip: [0.1, 0.1] }).id);
  expect(trainingLoss(base, { clip: [0.2, 0.28], kl: 0.01 }).name).toBe('clippedPolicy+0.01*referenceKl');
});

it('a loss keeps its own clip range where the pipeline sets none', () => {
  const loss = clippedPolicy.create({ clip: [0.1, 0.1] });
  expect(trainingLoss(loss, { kl: 0 }).id).toBe(loss.id);
});

it('coefficients stay as they are', () => {
  const half = sumLosses([[0.5, clippedPolicy.create()]]);
  expect(trainingLoss(half, { clip: [0.1, 0.1], kl: 0.2 }).name).toBe('0.5*clippedPolicy+0.2*referenceKl');
});

it('a loss without a clip range stays as it is', () => {
  const loss = crossEntropy.create();
  expect(trainingLoss(loss, { clip: [0.1, 0.1], kl: 0 }).id).toBe(loss.id);
});
