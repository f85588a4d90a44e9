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

export interface Heads {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/**
 * [B, T, heads * headDim] to [B, kvHeads, rep * T, headDim]: the queries that share a key/value head become its rows.
 */
export function foldQueries(b: Builder, x: Value, { heads, kvHeads, headDim }: Heads): Value {
  const split = b.node('Reshape', [x, b.ints([0, 0, kvHeads, heads / kvHeads, headDim])]);
  const grouped = b.node('Transpose', [split], { perm: [0, 2, 3, 1, 4] });
  return b.node('Reshape', [grouped, b.ints([0, 0, -1, headDim])]);
}

/** The inverse of {@link foldQueries}. */
export function unfoldQueries(b: Builder, x: Value, { heads, kvHeads, headDim }: Heads): Value {
  const grouped = b.node('Reshape', [x, b.ints([0, 0, heads / kvHeads, -1, headDim])]);
  const split = b.node('Transpose', [grouped], { perm: [0, 3, 1, 2, 4] });
  return b.node('Reshape', [split, b.ints([0, 0, -1])]);
}

/**
 * Keys or values [B, T, kvHeads * headDim] by head: [B, kvHeads, T, headDim], or transposed [B, kvHeads, headDim, T].
 */
export function byHead(b: Builder, x: Value, { kvHeads, headDim }: Heads, transposed: boolean): Value {
  const split = b.node('Reshape', [x, b.ints([0, 0, kvHeads, headDim])]);
  return b.node('Transpose', [split], { perm: transposed ? [0, 2, 3, 1] : [0, 2, 1, 3] });
}

/**
 * Softmax attention with grouped heads: q [B, T, heads * headDim], k and v [B, T, kvHeads * headDim], `mask` [rep * T,
 * T] added to the scores; gives [B, T, heads * headDim].
 */
export function attention(b: Builder, q: Value, k: Value, v: Value, mask: Value, shape: Heads): Value {
  const scale = b.floats([shape.headDim ** -0.5]);
  const queries = b.node('Mul', [foldQueries(b, q, shape), scale]);
  const scores = b.node('MatMul', [queries, byHead(b, k, shape, true)]);
  const weights = b.node('Softmax', [b.node('Add', [scores, mask])], { axis: -1 });
  const mixed = b.node('MatMul', [weights, byHead(b, v, shape, false)]);
  return b.record(unfoldQueries(b, mixed, shape), (g) => {
    const swap = (x: Value): Value => b.node('Transpose', [x], { perm: [0, 1, 3, 2] });
    const join = (x: Value): Value =>
      b.node('Reshape', [b.node('Transpose', [x], { perm: [0, 3, 1, 2] }), b.ints([0, 0, -1])]);
    const toMixed = foldQueries(b, g, shape);
    const toWeights = b.node('MatMul', [toMixed, byHead(b, v, shape, true)]);
    // The softmax needs sum(toWeights * weights) of each row, which equals sum(toMixed * mixed): a smaller product.
    const along = b.node('ReduceSum', [b.node('Mul', [toMixed, mixed]), b.ints([-1])]);
    const toScores = b.node('Mul', [weights, b.node('Sub', [toWeights, along])]);
    const toQueries = b.node('MatMul', [toScores, byHead(b, k, shape, false)]);
    // Transposing the small factors rather than the T x T ones gives the gradients transposed.
    return [
      [q, unfoldQueries(b, b.node('Mul', [toQueries, scale]), shape)],
      [k, join(b.node('MatMul', [swap(queries), toScores]))],
      [v, join(b.node('MatMul', [swap(toMixed), weights]))],
    ];
  });
}

/**
 * Log-probability of `targets` [N] under the softmax of hidden [N, H] times head [V, H] transposed, over `temperature`
 * ([1] or [N, 1]): [N, 1].
 */
export function targetLogprobs(b: Builder, hidden: Value, head: Value, targets: Value, temperature: Value): Value {
  const scaled = b.node('Div', [hidden, temperature]);
  const logprobs = b.node('LogSoftmax', [b.node('Gemm', [scaled, head], { transB: 1 })], { axis: -1 });
  const column = b.node('Unsqueeze', [targets, b.ints([1])]);
  return b.record(b.node('GatherElements', [logprobs, column], { axis: 1 }), (g) => {
    // The gradient of the logits, g * (onehot - p), is never formed: its two terms go through the products apart, so
    // that only p is as large as the vocabulary.
    const p = b.node('Exp', [logprobs]);
    const toScaled = b.node('Sub', [b.node('Gather', [head, targets]), b.node('Gemm', [p, head])]);
    const rows = b.node('Mul', [g, scaled]);
    return [
      [hidden, b.node('Div', [b.node('Mul', [g, toScaled]), temperature])],
      [head, b.node('Gemm', [p, b.node('Neg', [rows])], { transA: 1 })],
      [head, { indices: targets, rows }],
    ];
  });
}

/**
 * Log-probabilities of several ids per token, `ids` [N, M], under the same softmax: [N, M]. The way back takes memory
 * for N * M rows of `head`, rather than for a gradient of all N * V logits.
 */
export function candidateLogprobs(
  b: Builder,
  hidden: Value,
  head: Value,
  ids: Value,
  temperature: Value,
  width: number,
): Value {
  const scaled = b.node('Div', [hidden, temperature]);
  const logprobs = b.node('LogSoftmax', [b.node('Gemm', [scaled, head], { transB: 1 })], { axis: -1 });
  return b.record(b.node('GatherElements', [logprobs, ids], { axis: 1 }), (g) => {
    const p = b.node('Exp', [logprobs]);
    const [second, third] = [b.ints([1]), b.ints([2])];
    const sum = b.node('ReduceSum', [g, second]);
    const mixed = b.node('MatMul', [b.node('Unsqueeze', [g, second]), b.node('Gather', [head, ids])]);
    const expected = b.node('Mul', [sum, b.node('Gemm', [p, head])]);
    const toScaled = b.node('Sub', [b.node('Squeeze', [mixed, second]), expected]);
    const rows = b.node('Mul', [b.node('Unsqueeze', [g, third]), b.node('Unsqueeze', [scaled, second])]);
    return [
      [hidden, b.node('Div', [toScaled, temperature])],
      [head, b.node('Gemm', [p, b.node('Neg', [b.node('Mul', [sum, scaled])])], { transA: 1 })],
      [head, { indices: b.node('Reshape', [ids, b.ints([-1])]), rows: b.node('Reshape', [rows, b.ints([-1, width])]) }],
    ];
  });
}
