import { describe, expect, it } from 'vitest';
import { learnerSettings, learningRate } from '../../src/learner/settings.js';

describe('learning rate', () => {
  it('warms up linearly and falls to zero by schedule', () => {
    const rates = (schedule: 'constant' | 'linear' | 'cosine') => {
      const settings = learnerSettings({ lr: 1e-3, warmup: 2, schedule, totalSteps: 6 });
      return [0, 1, 2, 4, 6].map((step) => learningRate(settings, step));
    };
    expect(rates('constant')).toEqual([0.5e-3, 1e-3, 1e-3, 1e-3, 1e-3]);
    expect(rates('linear')).toEqual([0.5e-3, 1e-3, 1e-3, 0.5e-3, 0]);
    rates('cosine').forEach((rate, i) => {
      expect(rate).toBeCloseTo([0.5e-3, 1e-3, 1e-3, 0.5e-3, 0][i] ?? -1, 12);
    });
  });
});

describe('settings', () => {
  it('have defaults except for the learning rate', () => {
    expect(learnerSettings({ lr: 1e-3 })).toMatchObject({
      epochs: 1,
      updatesPerEpoch: 1,
      maxGradNorm: 1,
      microTokens: 512,
    });
  });

  it.each([
    ['a negative rate', { lr: -1 }, 'learn.lr: found -1; expected a number above 0'],
    ['a schedule without an end', { lr: 1e-3, schedule: 'linear' as const }, 'learn.totalSteps: is missing'],
    [
      'moments that never decay',
      { lr: 1e-3, betas: [0.9, 1] as [number, number] },
      'learn.betas[1]: found 1; expected a number below 1',
    ],
  ])('refuse %s by name', (_, input, message) => {
    expect(() => learnerSettings(input)).toThrow(message);
  });

  it('name every problem', () => {
    expect(() => learnerSettings({ lr: 0, epochs: 0 })).toThrow(/learn\.lr: .*\nlearn\.epochs: /);
  });
});
