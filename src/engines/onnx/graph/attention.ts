import type { Builder, Value } from './builder.js';

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

/** A value kept within -cap and cap, and how it got there. */
interface Capped {
  readonly value: Value;
  /** tanh(x / cap), whose square tells the slope; undefined without a cap. */
  readonly tanh: Value | undefined;
}

/** cap * tanh(x / cap); x itself without a cap. */
export function softcap(b: Builder, x: Value, cap: number | undefined): Capped {
  if (cap === undefined) return { value: x, tanh: undefined };
  const tanh = b.node('Tanh', [b.node('Div', [x, b.floats([cap])])]);
  return { value: b.node('Mul', [tanh, b.floats([cap])]), tanh };
}

/** The gradient of what was capped, from that of the capped value. */
export function uncap(b: Builder, gradient: Value, { tanh }: Capped): Value {
  if (tanh === undefined) return gradient;
  return b.node('Mul', [gradient, b.node('Sub', [b.floats([1]), b.node('Mul', [tanh, tanh])])]);
}

export interface AttentionShape extends Heads {
  /** Multiplies the scores. */
  readonly attentionScale: number;
  /** Bounds them, before the mask. */
  readonly attentionSoftcap: number | undefined;
}

/**
 * Softmax attention with grouped heads: q [B, T, heads * headDim], k and v [B, T, kvHeads * headDim], `mask` [rep * T,
 * T] added to the scores; gives [B, T, heads * headDim].
 */
export function attention(b: Builder, q: Value, k: Value, v: Value, mask: Value, shape: AttentionShape): Value {
  const scale = b.floats([shape.attentionScale]);
  const queries = b.node('Mul', [foldQueries(b, q, shape), scale]);
  const scores = softcap(b, b.node('MatMul', [queries, byHead(b, k, shape, true)]), shape.attentionSoftcap);
  const weights = b.node('Softmax', [b.node('Add', [scores.value, mask])], { axis: -1 });
  const mixed = b.node('MatMul', [weights, byHead(b, v, shape, false)]);
  return b.record(unfoldQueries(b, mixed, shape), (g) => {
    const swap = (x: Value): Value => b.node('Transpose', [x], { perm: [0, 1, 3, 2] });
    const join = (x: Value): Value =>
      b.node('Reshape', [b.node('Transpose', [x], { perm: [0, 3, 1, 2] }), b.ints([0, 0, -1])]);
    const toMixed = foldQueries(b, g, shape);
    const toWeights = b.node('MatMul', [toMixed, byHead(b, v, shape, true)]);
    // The softmax needs sum(toWeights * weights) of each row, which equals sum(toMixed * mixed): a smaller product.
    const along = b.node('ReduceSum', [b.node('Mul', [toMixed, mixed]), b.ints([-1])]);
    const toScores = uncap(b, b.node('Mul', [weights, b.node('Sub', [toWeights, along])]), scores);
    const toQueries = b.node('MatMul', [toScores, byHead(b, k, shape, false)]);
    // Transposing the small factors rather than the T x T ones gives the gradients transposed.
    return [
      [q, unfoldQueries(b, b.node('Mul', [toQueries, scale]), shape)],
      [k, join(b.node('MatMul', [swap(queries), toScores]))],
      [v, join(b.node('MatMul', [swap(toMixed), weights]))],
    ];
  });
}
