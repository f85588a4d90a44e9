import { type ModelConfig, rotaryFrequencies } from '../../../models/config.js';
import { type AdaptedConfig, adaptedShapes, adapterNames, loraScale } from '../../../models/lora/lora.js';
import { at } from '../../../support/required.js';
import type { Builder, Value } from './builder.js';
import { add, attention, embedding, linear, type Rotation, reshape, rmsNorm, rotary, swiglu } from './ops.js';

/** Declares every parameter, those of adapters included, as an input under its Hugging Face name. */
export function declareParameters(b: Builder, config: AdaptedConfig): void {
  for (const [name, dims] of adaptedShapes(config)) b.input(name, 'float32', dims);
}

const fineSteps = 256;

/**
 * Cosines and sines for `positions` (int64, [B, T]). Position 256 i + j turns by the angle of 256 i and then by that of
 * j, so two small tables computed in float64 serve any context length, and a position has the same bits anywhere in a
 * batch. The runtime's own Cos and Sin differ between the body and the tail of an array.
 */
export function rotation(b: Builder, config: ModelConfig, positions: Value): Rotation {
  const frequencies = rotaryFrequencies(config);
  const table = (rows: number, step: number, f: (angle: number) => number): Value =>
    b.floats(
      Float32Array.from({ length: rows * frequencies.length }, (_, i) =>
        f(step * Math.floor(i / frequencies.length) * at(frequencies, i % frequencies.length)),
      ),
      [rows, frequencies.length],
    );
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

/** Positions 0.. of `tokens` [B, T], its causal mask and its shape. */
export function causal(b: Builder, config: ModelConfig, tokens: Value) {
  const shape = b.node('Shape', [tokens]);
  const length = b.node('Squeeze', [b.node('Shape', [tokens], { start: 1 }), b.ints([0])]);
  const range = b.node('Range', [b.ints([0], []), length, b.ints([1], [])]);
  const later = b.node('Less', [b.node('Unsqueeze', [range, b.ints([1])]), range]);
  const mask = b.node('Where', [later, b.floats([Number.NEGATIVE_INFINITY]), b.floats([0])]);
  const repeats = config.heads / config.kvHeads;
  return {
    mask: repeats === 1 ? mask : b.node('Concat', Array<Value>(repeats).fill(mask), { axis: 0 }),
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
  readonly turn: Rotation;
  readonly attend: Attend;
}

/** Attention of one layer: queries [B, T, heads * headDim], keys and values [B, T, kvHeads * headDim]. */
export type Attend = (layer: number, q: Value, k: Value, v: Value) => Value;

/** The decoder up to its final norm: hidden states [B * T, hiddenSize]. */
export function decoder(b: Builder, config: AdaptedConfig, parts: DecoderParts): Value {
  const { flatTokens, perToken, turn, attend } = parts;
  const flat = (width: number): Value => b.ints([-1, width]);
  const norm = (x: Value, name: string): Value => rmsNorm(b, x, `${name}.weight`, config.rmsNormEps);
  const { lora } = config;
  const adapted = new Set(lora?.modules);
  const project = (x: Value, name: string, bias: boolean): Value => {
    const adapter = lora && adapted.has(name) ? { ...adapterNames(name), scale: loraScale(lora) } : undefined;
    return linear(b, x, `${name}.weight`, { bias: bias ? `${name}.bias` : undefined, adapter });
  };

  let x = embedding(b, 'model.embed_tokens.weight', flatTokens);
  for (let layer = 0; layer < config.layers; layer++) {
    const prefix = `model.layers.${layer}`;
    const attended = norm(x, `${prefix}.input_layernorm`);
    const projected = (name: string): Value => project(attended, `${prefix}.self_attn.${name}_proj`, config.qkvBias);
    const rotated = (name: string, heads: number): Value => {
      const unnormed = projected(name);
      const normed = config.qkNorm
        ? norm(reshape(b, unnormed, flat(config.headDim)), `${prefix}.self_attn.${name}_norm`)
        : unnormed;
      return rotary(b, reshape(b, normed, perToken(heads * config.headDim)), heads, turn);
    };
    const q = rotated('q', config.heads);
    const k = rotated('k', config.kvHeads);
    const v = reshape(b, projected('v'), perToken(config.kvHeads * config.headDim));
    const mixed = attend(layer, q, k, v);
    const width = config.heads * config.headDim;
    x = add(b, x, project(reshape(b, mixed, flat(width)), `${prefix}.self_attn.o_proj`, config.outputBias));
    const fed = norm(x, `${prefix}.post_attention_layernorm`);
    const inner = swiglu(
      b,
      project(fed, `${prefix}.mlp.gate_proj`, false),
      project(fed, `${prefix}.mlp.up_proj`, false),
    );
    x = add(b, x, project(inner, `${prefix}.mlp.down_proj`, false));
  }
  return norm(x, 'model.norm');
}

/** Name of the matrix that turns hidden states into logits. */
export function headName(config: ModelConfig): string {
  return config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
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
    turn: rotation(b, config, positions),
    attend: (_, q, k, v) => attention(b, q, k, v, mask, config),
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
