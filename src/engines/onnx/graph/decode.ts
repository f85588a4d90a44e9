import type { ModelConfig } from '../../../models/config.js';
import type { AdaptedConfig } from '../../../models/lora/lora.js';
import { at } from '../../../support/required.js';
import { attention, byHead, foldQueries, softcap, unfoldQueries } from './attention.js';
import { type Builder, createBuilder, type Graph, type Value } from './builder.js';
import { headOf, logits } from './head.js';
import { byWindow, causal, declareParameters, decoder, rotations } from './model.js';

/** Input names of a layer's cache, such as `keys.0` and `values.0`. */
export function cacheNames(layer: number): { readonly keys: string; readonly values: string } {
  return { keys: `keys.${layer}`, values: `values.${layer}` };
}

/**
 * Computes the cache of whole prompts. Inputs: the parameters, `tokens` int64 [B, T], padded on the right with any id.
 * Outputs for each layer: `keys.i` and `values.i`, both float [B, kvHeads, T, headDim]. Entries of padding are garbage;
 * `lengths` of {@link decodeGraph} hides them.
 *
 * The last token of a prompt is not part of its prefill: it is what the first decoding step reads.
 */
export function prefillGraph(config: AdaptedConfig): Graph {
  const b = createBuilder();
  declareParameters(b, config);
  const tokens = b.input('tokens', 'int64', ['B', 'T']);
  const { mask, positions, perToken, flatTokens } = causal(b, config, tokens);
  decoder(b, config, {
    flatTokens,
    perToken,
    turn: rotations(b, config, positions),
    attend: (layer, q, k, v) => {
      const { keys, values } = cacheNames(layer);
      b.output(keys, byHead(b, k, config, false), ['B', config.kvHeads, 'T', config.headDim]);
      b.output(values, byHead(b, v, config, false), ['B', config.kvHeads, 'T', config.headDim]);
      return attention(b, q, k, v, mask(layer), config);
    },
  });
  return b.build();
}

/** Probabilities [B, V], 0 where top-k, top-p or min-p cut a token off. */
function truncate(b: Builder, config: ModelConfig, probabilities: Value): Value {
  const topK = b.input('topK', 'int64', ['B', 1]);
  const topP = b.input('topP', 'float32', ['B', 1]);
  const minP = b.input('minP', 'float32', ['B', 1]);
  const sorted = at(b.nodes('TopK', [probabilities, b.ints([config.vocabSize])], 2, { axis: 1 }), 0);
  const before = b.node('CumSum', [sorted, b.ints([1])], { exclusive: 1 });
  const nucleus = b.node('Cast', [b.node('Less', [before, topP])], { to: 7 });
  const kept = b.node('Min', [b.node('ReduceSum', [nucleus, b.ints([1])]), topK]);
  const lastKept = b.node('Max', [b.node('Sub', [kept, b.ints([1])]), b.ints([0])]);
  const smallest = b.node('GatherElements', [sorted, lastKept], { axis: 1 });
  const largest = b.node('Slice', [sorted, b.ints([0]), b.ints([1]), b.ints([1])]);
  const threshold = b.node('Max', [smallest, b.node('Mul', [minP, largest])]);
  return b.node('Where', [b.node('Less', [probabilities, threshold]), b.floats([0]), probabilities]);
}

/** One draw per row from probabilities [B, V] that need not sum to 1, by inversion of their running sum: ids [B, 1]. */
function draw(b: Builder, probabilities: Value, uniform: Value): Value {
  const running = b.node('CumSum', [probabilities, b.ints([1])]);
  const total = b.node('Slice', [running, b.ints([-1]), b.ints([2 ** 31]), b.ints([1])]);
  // Just below 1, so that the point stays below the total after rounding and never meets a token of probability 0.
  const point = b.node('Mul', [b.node('Min', [uniform, b.floats([1 - 2 ** -22])]), total]);
  // Counted as floats, which the runtime adds several at a time; exact below 2^24.
  const passed = b.node('Cast', [b.node('LessOrEqual', [running, point])], { to: 1 });
  return b.node('Cast', [b.node('ReduceSum', [passed, b.ints([1])])], { to: 7 });
}

export interface DecodeOptions {
  /** Reads `topK`, `topP` and `minP`; costs a sort of the vocabulary. Rows where they are off draw as without them. */
  readonly truncate: boolean;
}

/**
 * One step of decoding a batch of rows of different lengths. On one thread a row's results are the same bits in any
 * batch of two rows or more and with any S (a lone row goes twice: the runtime multiplies a single row in another
 * order).
 *
 * Inputs: the parameters, or with an adapter the adapter's alone: the base is then made of constants, which the runtime
 * multiplies single rows with faster; `tokens` int64 [B], each row's newest token; `lengths` int64 [B], how many
 * entries of its cache are valid, which is also the position of `tokens`; each layer's cache `keys.i` and `values.i`,
 * both float [B, kvHeads, S, headDim], S at least 1, finite everywhere; `temperature` float [B, 1], 0 for greedy; `uniform` float [B,
 * 1] in [0, 1). With `truncate` also `topK` int64 [B, 1] (off: the vocabulary's size), `topP` float [B, 1] (off: 2) and
 * `minP` float [B, 1] (off: 0); tokens as likely as the last one kept are kept too.
 *
 * Outputs: `next` int64 [B, 1], the drawn token; `logprobs` float [B, 1], its natural log-probability under logits /
 * temperature before truncation (temperature 1 where greedy); the cache's new entries of `tokens`: `newKeys.i` and
 * `newValues.i` float [B, kvHeads, headDim], which the caller appends at index `lengths`.
 */
export function decodeGraph(config: AdaptedConfig, options: DecodeOptions): Graph {
  const { kvHeads, headDim } = config;
  const b = createBuilder();
  declareParameters(b, config, true);
  const tokens = b.input('tokens', 'int64', ['B']);
  const lengths = b.input('lengths', 'int64', ['B']);
  for (let layer = 0; layer < config.layers; layer++) {
    const { keys, values } = cacheNames(layer);
    b.input(keys, 'float32', ['B', kvHeads, 'S', headDim]);
    b.input(values, 'float32', ['B', kvHeads, 'S', headDim]);
  }
  const temperature = b.input('temperature', 'float32', ['B', 1]);
  const uniform = b.input('uniform', 'float32', ['B', 1]);

  const size = b.node('Squeeze', [b.node('Shape', [cacheNames(0).keys], { start: 2, end: 3 }), b.ints([0])]);
  const slots = b.node('Range', [b.ints([0], []), size, b.ints([1], [])]);
  const newest = b.node('Reshape', [lengths, b.ints([-1, 1, 1, 1])]);
  const valid = b.node('Less', [slots, newest]);
  const mask = byWindow(config, (window) => {
    const seen =
      window === undefined
        ? valid
        : b.node('And', [valid, b.node('Less', [b.node('Sub', [newest, b.ints([window])]), slots])]);
    return b.node('Where', [seen, b.floats([0]), b.floats([Number.NEGATIVE_INFINITY])]);
  });
  const positions = b.node('Unsqueeze', [lengths, b.ints([1])]);
  const scale = b.floats([config.attentionScale]);
  const capped = (scores: Value): Value => softcap(b, scores, config.attentionSoftcap).value;
  const hidden = decoder(b, config, {
    flatTokens: tokens,
    perToken: (width) => b.ints([-1, 1, width]),
    turn: rotations(b, config, positions),
    attend: (layer, q, k, v) => {
      const { keys, values } = cacheNames(layer);
      const queries = b.node('Mul', [foldQueries(b, q, config), scale]);
      const newKey = byHead(b, k, config, false);
      const newValue = byHead(b, v, config, false);
      const toKeys = b.node('Transpose', [keys], { perm: [0, 1, 3, 2] });
      const cached = b.node('Add', [capped(b.node('MatMul', [queries, toKeys])), mask(layer)]);
      const own = capped(b.node('ReduceSum', [b.node('Mul', [queries, newKey]), b.ints([-1])]));
      const weights = b.node('Softmax', [b.node('Concat', [own, cached], { axis: 3 })], { axis: -1 });
      const sizes = b.node('Concat', [b.ints([1]), b.node('Unsqueeze', [size, b.ints([0])])], { axis: 0 });
      const parts = b.nodes('Split', [weights, sizes], 2, { axis: 3 });
      const [toOwn, toCached] = [at(parts, 0), at(parts, 1)];
      const mixed = b.node('Add', [b.node('MatMul', [toCached, values]), b.node('Mul', [toOwn, newValue])]);
      const shape = b.ints([0, kvHeads, headDim]);
      b.output(`newKeys.${layer}`, b.node('Reshape', [k, shape]), ['B', kvHeads, headDim]);
      b.output(`newValues.${layer}`, b.node('Reshape', [v, shape]), ['B', kvHeads, headDim]);
      return unfoldQueries(b, mixed, config);
    },
  });

  const greedy = b.node('Equal', [temperature, b.floats([0])]);
  const divisor = b.node('Where', [greedy, b.floats([1]), temperature]);
  const scores = logits(b, hidden, headOf(config), divisor);
  const logprobs = b.node('LogSoftmax', [scores], { axis: -1 });
  const probabilities = b.node('Exp', [logprobs]);
  const drawn = draw(b, options.truncate ? truncate(b, config, probabilities) : probabilities, uniform);
  const next = b.node('Where', [greedy, b.node('ArgMax', [scores], { axis: 1 }), drawn]);
  b.output('next', next, ['B', 1], 'int64');
  b.output('logprobs', b.node('GatherElements', [logprobs, next], { axis: 1 }), ['B', 1]);
  return b.build();
}
