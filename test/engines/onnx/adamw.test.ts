import { expect, it } from 'vitest';
import { adamW, type ParameterState } from '../../../src/engines/onnx/adamw.js';
import { randomFloats } from './graph/models.js';

const settings = { betas: [0.8, 0.95], eps: 1e-6, weightDecay: 0.1, maxGradNorm: 1 } as const;

/** The published algorithm step by step in float64, all parameters in one vector. */
function literal(start: readonly number[], gradients: readonly (readonly number[])[], rate: number): number[] {
  let theta = [...start];
  let m = start.map(() => 0);
  let v = start.map(() => 0);
  gradients.forEach((raw, i) => {
    const norm = Math.hypot(...raw);
    const g = raw.map((x) => (norm > settings.maxGradNorm ? (x * settings.maxGradNorm) / norm : x));
    m = m.map((x, j) => settings.betas[0] * x + (1 - settings.betas[0]) * (g[j] ?? 0));
    v = v.map((x, j) => settings.betas[1] * x + (1 - settings.betas[1]) * (g[j] ?? 0) ** 2);
    theta = theta.map((x, j) => {
      const mHat = (m[j] ?? 0) / (1 - settings.betas[0] ** (i + 1));
      const vHat = (v[j] ?? 0) / (1 - settings.betas[1] ** (i + 1));
      return x - rate * (mHat / (Math.sqrt(vHat) + settings.eps) + settings.weightDecay * x);
    });
  });
  return theta;
}

const named = (parameters: readonly ParameterState[]) => new Map(parameters.map((state, i) => [`p${i}`, state]));

it('matches the published algorithm over many updates, with and without gradient scaling', () => {
  const sizes = [7, 5];
  const parameters = sizes.map((size, i) => ({
    value: randomFloats(size, i),
    gradient: new Float32Array(size),
    first: new Float32Array(size),
    second: new Float32Array(size),
  }));
  const start = parameters.flatMap(({ value }) => [...value]);
  const gradients = Array.from({ length: 20 }, (_, i) => [...randomFloats(12, 50 + i, i % 2 === 0 ? 0.1 : 4)]);
  gradients.forEach((gradient, i) => {
    parameters[0]?.gradient.set(gradient.slice(0, 7));
    parameters[1]?.gradient.set(gradient.slice(7));
    expect(adamW(named(parameters), settings, 0.01, i + 1)).toBeCloseTo(Math.hypot(...gradient), 6);
  });
  const expected = literal(start, gradients, 0.01);
  parameters
    .flatMap(({ value }) => [...value])
    .forEach((value, i) => {
      expect(Math.abs(value - (expected[i] ?? 0))).toBeLessThan(2e-6);
    });
});

it('names the tensor that an update has made infinite', () => {
  const state = { value: Float32Array.of(1, -3e38), gradient: Float32Array.of(0, 1) };
  const moments = { first: new Float32Array(2), second: new Float32Array(2) };
  expect(() => adamW(named([{ ...state, ...moments }]), settings, 3e38, 1)).toThrow(
    /tensor p0: value 1 is -?Infinity; this update has overflowed\. Lower learn\.lr/,
  );
});

it('changes nothing when a gradient is not finite', () => {
  const value = Float32Array.of(1, 2);
  const moments = { first: new Float32Array(2), second: new Float32Array(2) };
  const broken = { value, gradient: Float32Array.of(1, Number.NaN), ...moments };
  expect(() => adamW(named([broken]), settings, 0.1, 1)).toThrow(
    'tensor p0: gradient 1 is NaN; the weights are unchanged',
  );
  expect([...value]).toEqual([1, 2]);
});
