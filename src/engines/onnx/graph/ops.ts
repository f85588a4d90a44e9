import type { Builder, Value } from './builder.js';

/**
 * The differentiable operations of the models. Each adds its nodes and records its gradient. In shapes, N counts
 * tokens of the whole batch (B x T), H is a width, and matrices are [out, in] as Hugging Face stores them.
 */

/** Rows of `table` [V, H] at `indices` [N]: [N, H]. */
export function embedding(b: Builder, table: Value, indices: Value): Value {
  return b.record(b.node('Gather', [table, indices]), (g) => [[table, { indices, rows: g }]]);
}

/** A low-rank adapter of a linear projection. */
export interface LowRank {
  /** [rank, in]. */
  readonly a: Value;
  /** [out, rank]. */
  readonly b: Value;
  readonly scale: number;
}

export interface LinearParts {
  /** [out]. */
  readonly bias?: Value | undefined;
  readonly adapter?: LowRank | undefined;
}

/**
 * x [N, in] times weight [out, in] transposed, plus bias; with an adapter plus scale times x, a transposed and b
 * transposed: [N, out].
 */
export function linear(b: Builder, x: Value, weight: Value, { bias, adapter }: LinearParts = {}): Value {
  const product = b.node('Gemm', [x, weight], { transB: 1 });
  // A bias inside the Gemm is added in another order for a single row than for many.
  const biased = bias === undefined ? product : b.node('Add', [product, bias]);
  const low = adapter && lowRank(b, x, biased, adapter);
  return b.record(low ? low.output : biased, (g) => {
    const toX = b.node('Gemm', [g, weight]);
    const back = low?.backward(g, toX);
    return [
      [x, back ? back.toX : toX],
      [weight, b.node('Gemm', [g, x], { transA: 1 })],
      ...(bias === undefined ? [] : [[bias, b.node('ReduceSum', [g, b.ints([0])], { keepdims: 0 })] as const]),
      ...(back?.parameters ?? []),
    ];
  });
}

/** Adds to a projection what its adapter makes, and to the way back its part. Sums are made inside the Gemms. */
function lowRank(b: Builder, x: Value, product: Value, adapter: LowRank) {
  const alpha = { float: adapter.scale };
  const low = b.node('Gemm', [x, adapter.a], { transB: 1, alpha });
  return {
    output: b.node('Gemm', [low, adapter.b, product], { transB: 1 }),
    backward(g: Value, toX: Value) {
      const toLow = b.node('Gemm', [g, adapter.b], { alpha });
      return {
        toX: b.node('Gemm', [toLow, adapter.a, toX]),
        parameters: [
          [adapter.a, b.node('Gemm', [toLow, x], { transA: 1 })],
          [adapter.b, b.node('Gemm', [g, low], { transA: 1 })],
        ] as const,
      };
    },
  };
}

/** The sum of two tensors of one shape. */
export function add(b: Builder, x: Value, y: Value): Value {
  return b.record(b.node('Add', [x, y]), (g) => [
    [x, g],
    [y, g],
  ]);
}

export function reshape(b: Builder, x: Value, shape: Value): Value {
  return b.record(b.node('Reshape', [x, shape]), (g) => [[x, b.node('Reshape', [g, b.node('Shape', [x])])]]);
}

/** Root-mean-square norm over the last axis of x [n, H] with weight [H]: x / sqrt(mean(x^2) + eps) * weight. */
export function rmsNorm(b: Builder, x: Value, weight: Value, eps: number): Value {
  const last = b.ints([-1]);
  const meanSquare = b.node('ReduceMean', [b.node('Mul', [x, x]), last]);
  const inverse = b.node('Reciprocal', [b.node('Sqrt', [b.node('Add', [meanSquare, b.floats([eps])])])]);
  const normal = b.node('Mul', [x, inverse]);
  return b.record(b.node('Mul', [normal, weight]), (g) => {
    const toNormal = b.node('Mul', [g, weight]);
    const along = b.node('ReduceMean', [b.node('Mul', [toNormal, normal]), last]);
    const across = b.node('Sub', [toNormal, b.node('Mul', [normal, along])]);
    return [
      [x, b.node('Mul', [across, inverse])],
      [weight, b.node('ReduceSum', [b.node('Mul', [g, normal]), b.ints([0])], { keepdims: 0 })],
    ];
  });
}

/** x * factor. */
export function scale(b: Builder, x: Value, factor: number): Value {
  const constant = b.floats([factor]);
  return b.record(b.node('Mul', [x, constant]), (g) => [[x, b.node('Mul', [g, constant])]]);
}

/** x + 1. */
export function plusOne(b: Builder, x: Value): Value {
  return b.record(b.node('Add', [x, b.floats([1])]), (g) => [[x, g]]);
}

/** silu(gate) * up, with silu(x) = x * sigmoid(x). */
export function swiglu(b: Builder, gate: Value, up: Value): Value {
  const sigmoid = b.node('Sigmoid', [gate]);
  const silu = b.node('Mul', [gate, sigmoid]);
  return b.record(b.node('Mul', [silu, up]), (g) => {
    const toSilu = b.node('Mul', [g, up]);
    // d silu = sigmoid + silu * (1 - sigmoid)
    const rest = b.node('Sub', [silu, b.node('Mul', [silu, sigmoid])]);
    return [
      [gate, b.node('Mul', [toSilu, b.node('Add', [sigmoid, rest])])],
      [up, b.node('Mul', [g, silu])],
    ];
  });
}

/**
 * gelu(gate) * up, with the tanh form of GELU (Hendrycks and Gimpel 2016, arXiv 1606.08415): x * (1 + tanh(u)) / 2
 * with u = sqrt(2 / pi) * (x + 0.044715 x^3), which is x * sigmoid(2 u).
 */
export function geglu(b: Builder, gate: Value, up: Value): Value {
  const slope = 2 * Math.sqrt(2 / Math.PI);
  const [one, cubic] = [b.floats([1]), b.floats([0.044715])];
  const bent = b.node('Mul', [b.node('Mul', [gate, gate]), cubic]);
  const doubled = b.node('Mul', [b.node('Mul', [gate, b.floats([slope])]), b.node('Add', [one, bent])]);
  const sigmoid = b.node('Sigmoid', [doubled]);
  const gelu = b.node('Mul', [gate, sigmoid]);
  return b.record(b.node('Mul', [gelu, up]), (g) => {
    const toGelu = b.node('Mul', [g, up]);
    // d gelu = sigmoid + gelu * (1 - sigmoid) * d doubled, and d doubled = slope * (1 + 3 bent)
    const bend = b.node('Mul', [b.node('Add', [one, b.node('Mul', [bent, b.floats([3])])]), b.floats([slope])]);
    const rest = b.node('Mul', [b.node('Sub', [gelu, b.node('Mul', [gelu, sigmoid])]), bend]);
    return [
      [gate, b.node('Mul', [toGelu, b.node('Add', [sigmoid, rest])])],
      [up, b.node('Mul', [g, gelu])],
    ];
  });
}

/** Cosines and sines of each position's angles, [B, T, headDim / 2] each. */
export interface Rotation {
  readonly cos: Value;
  readonly sin: Value;
  /** Gradients rotate by the opposite angle. */
  readonly minusSin: Value;
}

/**
 * Rotary position embedding of x [B, T, heads * headDim]: the halves of each head are the two coordinates that rotate.
 */
export function rotary(b: Builder, x: Value, heads: number, rotation: Rotation): Value {
  const turn = (value: Value, sin: Value): Value =>
    b.node('RotaryEmbedding', [value, rotation.cos, sin], { num_heads: heads });
  return b.record(turn(x, rotation.sin), (g) => [[x, turn(g, rotation.minusSin)]]);
}
