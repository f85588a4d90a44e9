import { describe, expect, it } from 'vitest';
import { attention } from '../../../../src/engines/onnx/graph/attention.js';
import { gradients } from '../../../../src/engines/onnx/graph/autodiff.js';
import { type Builder, createBuilder, type Value } from '../../../../src/engines/onnx/graph/builder.js';
import { candidateLogprobs, targetLogprobs } from '../../../../src/engines/onnx/graph/head.js';
import {
  add,
  embedding,
  geglu,
  linear,
  plusOne,
  reshape,
  rmsNorm,
  rotary,
  scale,
  swiglu,
} from '../../../../src/engines/onnx/graph/ops.js';
import { createSession, type SessionTensor } from '../../../../src/engines/onnx/session.js';
import { floats, ids, numbers, randomFloats } from './models.js';

interface Case {
  /** Shapes of the float inputs, all differentiated. */
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  /** Shape of the result. */
  readonly result: readonly number[];
  readonly build: (b: Builder) => Value;
}

const size = (shape: readonly number[]): number => shape.reduce((a, n) => a * n, 1);
const shape = { heads: 4, kvHeads: 2, headDim: 4, attentionScale: 0.5, attentionSoftcap: undefined };

const cases: Readonly<Record<string, Case>> = {
  'embedding with repeated rows': {
    inputs: { table: [5, 3] },
    result: [4, 3],
    build: (b) => embedding(b, 'table', b.ints([4, 1, 4, 0])),
  },
  'linear without bias': {
    inputs: { x: [5, 4], weight: [3, 4] },
    result: [5, 3],
    build: (b) => linear(b, 'x', 'weight'),
  },
  'linear with bias': {
    inputs: { x: [5, 4], weight: [3, 4], bias: [3] },
    result: [5, 3],
    build: (b) => linear(b, 'x', 'weight', { bias: 'bias' }),
  },
  'linear with bias and adapter': {
    inputs: { x: [5, 4], weight: [3, 4], bias: [3], a: [2, 4], b: [3, 2] },
    result: [5, 3],
    build: (b) => linear(b, 'x', 'weight', { bias: 'bias', adapter: { a: 'a', b: 'b', scale: 1.5 } }),
  },
  'add, with one operand twice': {
    inputs: { x: [2, 3], y: [2, 3] },
    result: [2, 3],
    build: (b) => swiglu(b, add(b, add(b, 'x', 'y'), 'x'), 'y'),
  },
  reshape: {
    inputs: { x: [2, 6], weight: [3] },
    result: [4, 3],
    build: (b) => rmsNorm(b, reshape(b, 'x', b.ints([-1, 3])), 'weight', 1e-5),
  },
  rmsNorm: {
    inputs: { x: [4, 6], weight: [6] },
    result: [4, 6],
    build: (b) => rmsNorm(b, 'x', 'weight', 1e-3),
  },
  swiglu: {
    inputs: { gate: [3, 5], up: [3, 5] },
    result: [3, 5],
    build: (b) => swiglu(b, 'gate', 'up'),
  },
  geglu: {
    inputs: { gate: [3, 5], up: [3, 5] },
    result: [3, 5],
    build: (b) => geglu(b, 'gate', 'up'),
  },
  'a scale and an offset': {
    inputs: { x: [3, 5] },
    result: [3, 5],
    build: (b) => swiglu(b, scale(b, 'x', 3), plusOne(b, 'x')),
  },
  rotary: {
    inputs: { x: [2, 3, 8] },
    result: [2, 3, 8],
    build: (b) => {
      const angles = randomFloats(12, 77, 3);
      const shape = [2, 3, 2];
      return rotary(b, 'x', 2, {
        cos: b.floats(angles.map(Math.cos), shape),
        sin: b.floats(angles.map(Math.sin), shape),
        minusSin: b.floats(
          angles.map((angle) => -Math.sin(angle)),
          shape,
        ),
      });
    },
  },
  ...Object.fromEntries(
    [undefined, 1.5].flatMap((cap): [string, Case][] => [
      [
        `attention with grouped heads, a mask and cap ${cap}`,
        {
          inputs: { q: [2, 3, 16], k: [2, 3, 8], v: [2, 3, 8] },
          result: [2, 3, 16],
          build: (b) => {
            const hide = Number.NEGATIVE_INFINITY;
            const mask = b.floats([0, hide, hide, 0, 0, hide, 0, 0, 0, 0, hide, hide, 0, 0, hide, 0, 0, 0], [6, 3]);
            return attention(b, 'q', 'k', 'v', mask, { ...shape, attentionSoftcap: cap });
          },
        },
      ],
      [
        `log-probability of targets, cap ${cap}`,
        {
          inputs: { hidden: [4, 3], head: [7, 3] },
          result: [4, 1],
          build: (b) =>
            targetLogprobs(b, 'hidden', { weight: 'head', softcap: cap }, b.ints([6, 0, 6, 2]), b.floats([0.7])),
        },
      ],
      [
        `log-probabilities of candidates, some of them twice, cap ${cap}`,
        {
          inputs: { hidden: [4, 3], head: [7, 3] },
          result: [4, 2],
          build: (b) => {
            const ids = b.ints([6, 0, 6, 6, 2, 1, 0, 2], [4, 2]);
            return candidateLogprobs(b, 'hidden', { weight: 'head', softcap: cap }, ids, b.floats([0.7]), 3);
          },
        },
      ],
    ]),
  ),
};

describe('gradients against central differences', () => {
  it.each(Object.entries(cases))('%s', async (_, { inputs, result, build }) => {
    const names = Object.keys(inputs);
    const b = createBuilder();
    for (const name of names) b.input(name, 'float32', inputs[name] ?? []);
    const slope = randomFloats(size(result), 999);
    const value = build(b);
    const made = gradients(b, [[value, b.floats(slope, result)]], names);
    b.output('value', value, result);
    for (const [name, gradient] of made) b.output(`to.${name}`, gradient, inputs[name] ?? []);
    const session = await createSession(b.build(), { threads: 1 });
    const point = new Map<string, SessionTensor>(
      names.map((name, i) => [name, floats(randomFloats(size(inputs[name] ?? []), 31 + i, 1.5), inputs[name] ?? [])]),
    );
    const outputs = await session.run(point);
    const loss = async (): Promise<number> =>
      numbers(await session.run(point), 'value').reduce((sum, y, i) => sum + y * (slope[i] ?? 0), 0);
    expect(outputs.get('value')?.shape).toEqual(result);
    for (const name of names) {
      const analytic = numbers(outputs, `to.${name}`);
      const data = numbers(point, name);
      expect(analytic).toHaveLength(data.length);
      for (const i of data.keys()) {
        const old = data[i] ?? 0;
        const step = 2 ** -7;
        data[i] = old + step;
        const above = await loss();
        data[i] = old - step;
        const below = await loss();
        data[i] = old;
        const numeric = (above - below) / (2 * step);
        expect(Math.abs(numeric - (analytic[i] ?? Number.NaN)), `${name}[${i}]`).toBeLessThan(
          2e-3 * Math.max(1, Math.abs(numeric)),
        );
      }
    }
  });

  it('rejects a parameter that the value does not depend on', () => {
    const b = createBuilder();
    const x = b.input('x', 'float32', [2]);
    const y = b.input('y', 'float32', [2]);
    const value = add(b, x, x);
    expect(() => gradients(b, [[value, b.floats([1, 1])]], [y])).toThrow('y has no gradient');
  });

  it('drops inputs and nodes that no output depends on', () => {
    const b = createBuilder();
    const x = b.input('x', 'float32', [2]);
    b.input('unused', 'float32', [2]);
    add(b, x, 'unused');
    b.output('sum', add(b, x, x), [2]);
    expect(b.build().inputs.map(({ name }) => name)).toEqual(['x']);
  });
});

it('names wrong types and missing feeds, and writes fetches in place', async () => {
  const b = createBuilder();
  const x = b.input('x', 'float32', ['N']);
  b.output('twice', add(b, x, x), ['N']);
  const session = await createSession(b.build(), { threads: 1 });
  await expect(session.run(new Map())).rejects.toThrow('no feed for input x');
  await expect(session.run(new Map([['x', ids([1])]]))).rejects.toThrow('x: expected float32');
  const target = floats([0, 0]);
  await session.run(new Map([['x', floats([1, 2])]]), new Map([['twice', target]]));
  expect([...target.data]).toEqual([2, 4]);
});
