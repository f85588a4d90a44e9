import type { ModelConfig } from '../../../models/config.js';
import { type Rope, rotaryFrequencies, rotaryScale } from '../../../models/families/rope.js';
import {
  type AdaptedConfig,
  adaptedShapes,
  adapterNames,
  adapterShapes,
  loraScale,
} from '../../../models/lora/lora.js';
import { at, get } from '../../../support/required.js';
import { attention } from './attention.js';
import type { Builder, Value } from './builder.js';
import {
  add,
  embedding,
  geglu,
  linear,
  plusOne,
  type Rotation,
  reshape,
  rmsNorm,
  rotary,
  scale,
  swiglu,
} from './ops.js';

/**
 * Declares every parameter under its Hugging Face name, as an input or, where an adapter is over the model, the model's
 * own as constants if `frozen`.
 */
export function declareParameters(b: Builder, config: AdaptedConfig, frozen = false): void {
  const { lora } = config;
  const changing = frozen && lora ? adapterShapes(config, lora) : adaptedShapes(config);
  for (const [name, dims] of adaptedShapes(config))
    if (changing.has(name)) b.input(name, 'float32', dims);
    else b.constant(name, dims);
}

const fineSteps = 256;

/**
 * Cosines and sines for `positions` (int64, [B, T]). Position 256 i + j turns by the angle of 256 i and then by that of
 * j, so two small tables computed in float64 serve any context length, and a position has the same bits anywhere in a
 * batch. The runtime's own Cos and Sin differ between the body and the tail of an array.
 */
function rotation(b: Builder, config: ModelConfig, rope: Rope, positions: Value): Rotation {
  const frequencies = rotaryFrequencies(rope, config.headDim);
  const table = (rows: number, step: number, f: (angle: number) => number): Value => {
    // The coarse table alone, since the two are multiplied.
    const by = step === 1 ? 1 : rotaryScale(rope);
    return b.floats(
      Float32Array.from(
        { length: rows * frequencies.length },
        (_, i) => by * f(step * Math.floor(i / frequencies.length) * at(frequencies, i % frequencies.length)),
      ),
      [rows, frequencies.length],
    );
  };
  const coarseSteps = Math.ceil(config.maxPositionEmbeddings / fineSteps);
  const coarse = b.node('Div', [positions, b.ints([fineSteps])]);
  const fine = b.node('Mod', [positions, b.ints([fineSteps])]);
  const [coarseCos, coarseSin, fineCos, fineSin] = [
    b.node('Gather', [table(coarseSteps, fineSteps, Math.cos), coarse]),
    b.node('Gather', [table(coarseSteps, fineSteps, Math.sin), coarse]),
    b.node('Gather', [table(fineSteps, 1, Math.cos), fine]),
    b.node('Gather', [table(fineSteps, 1, Math.sin), fine]),
  ] as const;
  const cos = b.node('Sub', [b.node('Mul', [coarseCos, fineCos]), b.node('Mul', [coarseSin, fineSin])]);
  const sin = b.node('Add', [b.node('Mul', [coarseSin, fineCos]), b.node('Mul', [coarseCos, fineSin])]);
  return { cos, sin, minusSin: b.node('Neg', [sin]) };
}

/** The rotation of each layer at `positions` (int64, [B, T]). */
export function rotations(b: Builder, config: ModelConfig, positions: Value): (layer: number) => Rotation {
  const whole = rotation(b, config, config.rope, positions);
  const isOne = JSON.stringify(config.rope) === JSON.stringify(config.windowRope);
  const windowed = isOne ? whole : rotation(b, config, config.windowRope, positions);
  return (layer) => (config.windows[layer] === undefined ? whole : windowed);
}

/** What layers share that see the same number of tokens, made once. */
export function byWindow<T>({ windows }: ModelConfig, make: (window: number | undefined) => T): (layer: number) => T {
  const made = new Map<number | undefined, T>();
  for (const window of windows) if (!made.has(window)) made.set(window, make(window));
  return (layer) => get(made, windows[layer]);
}

/** Positions 0.. of `tokens` [B, T], its causal masks and its shape. */
export function causal(b: Builder, config: ModelConfig, tokens: Value) {
  const shape = b.node('Shape', [tokens]);
  const length = b.node('Squeeze', [b.node('Shape', [tokens], { start: 1 }), b.ints([0])]);
  const range = b.node('Range', [b.ints([0], []), length, b.ints([1], [])]);
  const rows = b.node('Unsqueeze', [range, b.ints([1])]);
  const later = b.node('Less', [rows, range]);
  const repeats = config.heads / config.kvHeads;
  const masked = (window: number | undefined): Value => {
    if (window === undefined) return later;
    const earlier = b.node('LessOrEqual', [range, b.node('Sub', [rows, b.ints([window])])]);
    return b.node('Or', [later, earlier]);
  };
  return {
    mask: byWindow(config, (window) => {
      const mask = b.node('Where', [masked(window), b.floats([Number.NEGATIVE_INFINITY]), b.floats([0])]);
      return repeats === 1 ? mask : b.node('Concat', Array<Value>(repeats).fill(mask), { axis: 0 });
    }),
    positions: b.node('Expand', [range, shape]),
    perToken: (width: number): Value => b.node('Concat', [shape, b.ints([width])], { axis: 0 }),
    flatTokens: b.node('Reshape', [tokens, b.ints([-1])]),
  };
}

export interface DecoderParts {
  /** Ids [B * T]. */
  readonly flatTokens: Value;
  /** The shape [B, T, width]. */
  readonly perToken: (width: number) => Value;
  readonly turn: (layer: number) => Rotation;
  readonly attend: Attend;
}

/** Attention of one layer: queries [B, T, heads * headDim], keys and values [B, T, kvHeads * headDim]. */
export type Attend = (layer: number, q: Value, k: Value, v: Value) => Value;

/** The decoder up to its final norm: hidden states [B * T, hiddenSize]. */
export function decoder(b: Builder, config: AdaptedConfig, parts: DecoderParts): Value {
  const { flatTokens, perToken, turn, attend } = parts;
  const flat = (width: number): Value => b.ints([-1, width]);
  const norm = (x: Value, name: string): Value => {
    const weight = `${name}.weight`;
    return rmsNorm(b, x, config.normOffset === 1 ? plusOne(b, weight) : weight, config.rmsNormEps);
  };
  const gated = config.activation === 'silu' ? swiglu : geglu;
  const { lora } = config;
  const adapted = new Set(lora?.modules);
  const project = (x: Value, name: string, bias: boolean): Value => {
    const adapter = lora && adapted.has(name) ? { ...adapterNames(name), scale: loraScale(lora) } : undefined;
    return linear(b, x, `${name}.weight`, { bias: bias ? `${name}.bias` : undefined, adapter });
  };

  const embedded = embedding(b, 'model.embed_tokens.weight', flatTokens);
  let x = config.embeddingScale === 1 ? embedded : scale(b, embedded, config.embeddingScale);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attended = norm(x, `${prefix}.input_layernorm`);
    const projected = (name: string): Value => project(attended, `${prefix}.self_attn.${name}_proj`, config.qkvBias);
    const rotated = (name: string, heads: number): Value => {
      const unnormed = projected(name);
      const normed = config.qkNorm
        ? norm(reshape(b, unnormed, flat(config.headDim)), `${prefix}.self_attn.${name}_norm`)
        : unnormed;
      return rotary(b, reshape(b, normed, perToken(heads * config.headDim)), heads, turn(layer));
    };
    const q = rotated('q', config.heads);
    const k = rotated('k', config.kvHeads);
    const v = reshape(b, projected('v'), perToken(config.kvHeads * config.headDim));
    const mixed = attend(layer, q, k, v);
    const width = config.heads * config.headDim;
    const written = project(reshape(b, mixed, flat(width)), `${prefix}.self_attn.o_proj`, config.outputBias);
    x = add(b, x, config.postNorms ? norm(written, `${prefix}.post_attention_layernorm`) : written);
    const fed = norm(x, `${prefix}.${config.postNorms ? 'pre_feedforward' : 'post_attention'}_layernorm`);
    const inner = gated(
      b,
      project(fed, `${prefix}.mlp.gate_proj`, false),
      project(fed, `${prefix}.mlp.up_proj`, false),
    );
    const down = project(inner, `${prefix}.mlp.down_proj`, false);
    x = add(b, x, config.postNorms ? norm(down, `${prefix}.post_feedforward_layernorm`) : down);
  }
  return norm(x, 'model.norm');
}

export interface ModelStates {
  /** After the final norm, [B * T, hiddenSize]. */
  readonly hidden: Value;
  /** [1]. */
  readonly temperature: Value;
  /** The shape [B, T]. */
  readonly shape: Value;
}

/** The model over given tokens. Inputs: the parameters, `tokens` int64 [B, T], `temperature` float [1], above 0. */
export function modelStates(b: Builder, config: AdaptedConfig): ModelStates {
  declareParameters(b, config);
  const tokens = b.input('tokens', 'int64', ['B', 'T']);
  const temperature = b.input('temperature', 'float32', [1]);
  const { mask, positions, perToken, flatTokens } = causal(b, config, tokens);
  const hidden = decoder(b, config, {
    flatTokens,
    perToken,
    turn: rotations(b, config, positions),
    attend: (layer, q, k, v) => attention(b, q, k, v, mask(layer), config),
  });
  return {
    hidden,
    temperature,
    shape: b.node('Shape', [tokens]),
  };
}

/** Declares `targets` int64 [B, T], the id to score after each token: [B * T]. */
export function targetIds(b: Builder): Value {
  return b.node('Reshape', [b.input('targets', 'int64', ['B', 'T']), b.ints([-1])]);
}
