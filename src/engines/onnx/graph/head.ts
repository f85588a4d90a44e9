import type { ModelConfig } from '../../../models/config.js';
import { softcap, uncap } from './attention.js';
import type { Builder, Gradient, Value } from './builder.js';

/** What turns hidden states into logits. */
export interface Head {
  /** [V, H]. */
  readonly weight: Value;
  /** Bounds the logits. */
  readonly softcap: number | undefined;
}

export function headOf({ tieWordEmbeddings, logitSoftcap }: ModelConfig): Head {
  return { weight: tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight', softcap: logitSoftcap };
}

/** Logits [N, V] of hidden [N, H] times the head transposed, over `temperature` ([1] or [N, 1]). */
export function logits(b: Builder, hidden: Value, head: Head, temperature: Value): Value {
  return scaledLogits(b, hidden, head, temperature).value;
}

interface ScaledLogits {
  /** [N, V]. */
  readonly value: Value;
  /** What the head multiplies. */
  readonly hidden: Value;
  /** Where they are capped: the way back from the gradient `g` of the log-probabilities of `ids`, both [N, M]. */
  readonly back?: (logprobs: Value, ids: Value, g: Value) => readonly (readonly [input: Value, gradient: Gradient])[];
}

function scaledLogits(b: Builder, hidden: Value, head: Head, temperature: Value): ScaledLogits {
  const { weight, softcap: cap } = head;
  if (cap === undefined) {
    const scaled = b.node('Div', [hidden, temperature]);
    return { value: b.node('Gemm', [scaled, weight], { transB: 1 }), hidden: scaled };
  }
  const capped = softcap(b, b.node('Gemm', [hidden, weight], { transB: 1 }), cap);
  return {
    value: b.node('Div', [capped.value, temperature]),
    hidden,
    back(logprobs, ids, g) {
      const sum = b.node('ReduceSum', [g, b.ints([1])]);
      const spread = b.node('Mul', [b.node('Neg', [sum]), b.node('Exp', [logprobs])]);
      const toScaled = b.node('ScatterElements', [spread, ids, g], { axis: 1, reduction: 'add' });
      const toLogits = uncap(b, b.node('Div', [toScaled, temperature]), capped);
      return [
        [hidden, b.node('Gemm', [toLogits, weight])],
        [weight, b.node('Gemm', [toLogits, hidden], { transA: 1 })],
      ];
    },
  };
}

/**
 * Log-probability of `targets` [N] under the softmax of the logits of hidden [N, H] over `temperature` ([1] or [N, 1]):
 * [N, 1].
 */
export function targetLogprobs(b: Builder, hidden: Value, head: Head, targets: Value, temperature: Value): Value {
  const scaled = scaledLogits(b, hidden, head, temperature);
  const logprobs = b.node('LogSoftmax', [scaled.value], { axis: -1 });
  const column = b.node('Unsqueeze', [targets, b.ints([1])]);
  const { hidden: states } = scaled;
  const { weight } = head;
  return b.record(b.node('GatherElements', [logprobs, column], { axis: 1 }), (g) => {
    if (scaled.back) return scaled.back(logprobs, column, g);
    // The gradient of the logits, g * (onehot - p), is never formed: its two terms go through the products apart, so
    // that only p is as large as the vocabulary.
    const p = b.node('Exp', [logprobs]);
    const toScaled = b.node('Sub', [b.node('Gather', [weight, targets]), b.node('Gemm', [p, weight])]);
    const rows = b.node('Mul', [g, states]);
    return [
      [hidden, b.node('Div', [b.node('Mul', [g, toScaled]), temperature])],
      [weight, b.node('Gemm', [p, b.node('Neg', [rows])], { transA: 1 })],
      [weight, { indices: targets, rows }],
    ];
  });
}

/**
 * Log-probabilities of several ids per token, `ids` [N, M], under the same softmax: [N, M]. The way back takes memory
 * for N * M rows of the head, rather than for a gradient of all N * V logits, unless these are capped.
 */
export function candidateLogprobs(
  b: Builder,
  hidden: Value,
  head: Head,
  ids: Value,
  temperature: Value,
  width: number,
): Value {
  const scaled = scaledLogits(b, hidden, head, temperature);
  const logprobs = b.node('LogSoftmax', [scaled.value], { axis: -1 });
  const { hidden: states } = scaled;
  const { weight } = head;
  return b.record(b.node('GatherElements', [logprobs, ids], { axis: 1 }), (g) => {
    if (scaled.back) return scaled.back(logprobs, ids, g);
    const p = b.node('Exp', [logprobs]);
    const [second, third] = [b.ints([1]), b.ints([2])];
    const sum = b.node('ReduceSum', [g, second]);
    const mixed = b.node('MatMul', [b.node('Unsqueeze', [g, second]), b.node('Gather', [weight, ids])]);
    const expected = b.node('Mul', [sum, b.node('Gemm', [p, weight])]);
    const toScaled = b.node('Sub', [b.node('Squeeze', [mixed, second]), expected]);
    const rows = b.node('Mul', [b.node('Unsqueeze', [g, third]), b.node('Unsqueeze', [states, second])]);
    return [
      [hidden, b.node('Div', [toScaled, temperature])],
      [weight, b.node('Gemm', [p, b.node('Neg', [b.node('Mul', [sum, states])])], { transA: 1 })],
      [
        weight,
        { indices: b.node('Reshape', [ids, b.ints([-1])]), rows: b.node('Reshape', [rows, b.ints([-1, width])]) },
      ],
    ];
  });
}
