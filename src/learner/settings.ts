import { UserError } from '../support/errors.js';

/** How the learner turns samples into updates. */
export interface LearnSettings {
  /** Learning rate at its highest. */
  readonly lr: number;
  /** The probability ratio counts between 1 - clip[0] and 1 + clip[1]. */
  readonly clip: readonly [low: number, high: number];
  /** Passes over a step's samples. */
  readonly epochs: number;
  /** Optimiser updates a pass, each on its share of the samples in their order. */
  readonly miniBatches: number;
  /** `tokenMean`: every trained token of the batch weighs the same; `sequenceMean`: every sequence does. */
  readonly aggregate: 'tokenMean' | 'sequenceMean';
  /** Decoupled, on every parameter. */
  readonly weightDecay: number;
  readonly betas: readonly [first: number, second: number];
  readonly eps: number;
  /** Longest gradient (L2 over all parameters) that goes unscaled. */
  readonly maxGradNorm: number;
  /** Steps of linear warm-up. */
  readonly warmup: number;
  /** From the end of the warm-up to `totalSteps`, down to 0. */
  readonly decay: 'constant' | 'linear' | 'cosine';
  /** Needed where the rate decays. */
  readonly totalSteps?: number;
  /** Coefficient of the k3 penalty to the weights that the learner was made with; 0 is off. */
  readonly kl: number;
  /** Tokens, padding included, that go through the model at once: memory against speed. A longer sequence goes alone. */
  readonly microTokens: number;
}

export const defaultSettings: Omit<LearnSettings, 'lr'> = {
  clip: [0.2, 0.28],
  epochs: 1,
  miniBatches: 1,
  aggregate: 'tokenMean',
  weightDecay: 0,
  betas: [0.9, 0.999],
  eps: 1e-8,
  maxGradNorm: 1,
  warmup: 0,
  decay: 'constant',
  kl: 0,
  microTokens: 512,
};

/** @throws {UserError} `learn-settings` naming the field that is out of range */
export function checkSettings(settings: LearnSettings): void {
  const count = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  const share = (value: number): boolean => value >= 0 && value < 1;
  const rules: readonly (readonly [field: keyof LearnSettings, holds: boolean, expected: string])[] = [
    ['lr', settings.lr > 0 && Number.isFinite(settings.lr), 'a positive number'],
    ['clip', settings.clip[0] > 0 && settings.clip[0] < 1 && settings.clip[1] > 0, '[in (0, 1), above 0]'],
    ['epochs', count(settings.epochs), 'a whole number from 1'],
    ['miniBatches', count(settings.miniBatches), 'a whole number from 1'],
    ['weightDecay', settings.weightDecay >= 0, 'a number from 0'],
    ['betas', settings.betas.every(share), 'two numbers in [0, 1)'],
    ['eps', settings.eps > 0, 'a positive number'],
    ['maxGradNorm', settings.maxGradNorm > 0, 'a positive number'],
    ['warmup', settings.warmup === 0 || count(settings.warmup), 'a whole number from 0'],
    [
      'totalSteps',
      settings.decay === 'constant' || count(settings.totalSteps ?? 0),
      'the number of steps to decay over',
    ],
    ['kl', settings.kl >= 0, 'a number from 0'],
    ['microTokens', count(settings.microTokens), 'a whole number from 1'],
  ];
  for (const [field, holds, expected] of rules) {
    if (holds) continue;
    throw new UserError('learn-settings', `learn.${field} is ${JSON.stringify(settings[field])}; expected ${expected}`);
  }
}

/** Learning rate of a step, counted from 0. */
export function learningRate(settings: LearnSettings, step: number): number {
  const { lr, warmup, decay, totalSteps = 0 } = settings;
  if (step < warmup) return (lr * (step + 1)) / warmup;
  if (decay === 'constant') return lr;
  const progress = Math.min(1, (step - warmup) / Math.max(1, totalSteps - warmup));
  return lr * (decay === 'linear' ? 1 - progress : (1 + Math.cos(Math.PI * progress)) / 2);
}
