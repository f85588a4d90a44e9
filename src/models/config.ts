import { nearest, UserError } from '../support/errors.js';

const modelTypes = ['llama', 'qwen2', 'qwen3'] as const;

/** How rotary frequencies are scaled beyond the trained context, in the terms of Hugging Face's `rope_scaling`. */
export type RopeScaling =
  | { readonly type: 'linear'; readonly factor: number }
  | {
      readonly type: 'llama3';
      readonly factor: number;
      readonly lowFreqFactor: number;
      readonly highFreqFactor: number;
      readonly originalMaxPositionEmbeddings: number;
    };

/** The architecture of a decoder-only model, read from a Hugging Face `config.json`. */
export interface ModelConfig {
  readonly modelType: (typeof modelTypes)[number];
  readonly hiddenSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Key/value heads; divides `heads`. */
  readonly kvHeads: number;
  /** Even. */
  readonly headDim: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly ropeScaling: RopeScaling | undefined;
  /** The head is the embedding matrix; there is no `lm_head.weight`. */
  readonly tieWordEmbeddings: boolean;
  /** Maximum sequence length in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Biases on the q, k and v projections: always in Qwen2, by `attention_bias` elsewhere. */
  readonly qkvBias: boolean;
  /** A bias on the attention's output projection: by `attention_bias`, never in Qwen2. */
  readonly outputBias: boolean;
  /** RMSNorm on each head's query and key (Qwen3). */
  readonly qkNorm: boolean;
}

type Json = Readonly<Record<string, unknown>>;

function fields(json: Json, file: string) {
  const fail = (name: string, expected: string): never => {
    const found = json[name];
    const near = found === undefined ? nearest(name, Object.keys(json)) : undefined;
    const hint = near ? ` (there is "${near}")` : '';
    throw new UserError(
      'model-config',
      `${file}: field "${name}" is ${found === undefined ? 'missing' : JSON.stringify(found)}${hint}; expected ${expected}`,
    );
  };
  const number = (name: string, fallback?: number): number => {
    const value = json[name] ?? fallback;
    return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : fail(name, 'a positive number');
  };
  const integer = (name: string, fallback?: number): number => {
    const value = number(name, fallback);
    return Number.isSafeInteger(value) ? value : fail(name, 'a positive integer');
  };
  const flag = (name: string, fallback: boolean): boolean => {
    const value = json[name] ?? fallback;
    return typeof value === 'boolean' ? value : fail(name, 'true or false');
  };
  return { fail, number, integer, flag };
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseRopeScaling(json: Json, file: string): RopeScaling | undefined {
  const scaling = json.rope_scaling ?? json.rope_parameters;
  if (scaling === undefined || scaling === null) return undefined;
  if (!isJson(scaling)) return fields(json, file).fail('rope_scaling', 'an object or null');
  const { number, integer, fail } = fields(scaling, `${file}: rope_scaling`);
  const key = 'rope_type' in scaling ? 'rope_type' : 'type';
  switch (scaling[key]) {
    case 'default':
      return undefined;
    case 'linear':
      return { type: 'linear', factor: number('factor') };
    case 'llama3':
      return {
        type: 'llama3',
        factor: number('factor'),
        lowFreqFactor: number('low_freq_factor'),
        highFreqFactor: number('high_freq_factor'),
        originalMaxPositionEmbeddings: integer('original_max_position_embeddings'),
      };
    default:
      return fail(key, '"default", "linear" or "llama3"');
  }
}

/**
 * Reads a Hugging Face `config.json`.
 * @param file names the file in errors.
 * @throws UserError naming file and field when a field is missing, malformed, or asks for something that is not
 * supported.
 */
export function parseConfig(json: unknown, file: string): ModelConfig {
  if (!isJson(json)) throw new UserError('model-config', `${file}: expected a JSON object`);
  const { fail, number, integer, flag } = fields(json, file);
  const modelType = modelTypes.find((type) => type === json.model_type) ?? fail('model_type', modelTypes.join(', '));
  if ((json.hidden_act ?? 'silu') !== 'silu') fail('hidden_act', '"silu"');
  if (flag('mlp_bias', false)) fail('mlp_bias', 'false');
  if (flag('use_sliding_window', false)) fail('use_sliding_window', 'false');
  if (json.quantization_config) fail('quantization_config', 'nothing: weights must not be quantized');
  const hiddenSize = integer('hidden_size');
  const heads = integer('num_attention_heads');
  const kvHeads = integer('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) fail('num_key_value_heads', `a divisor of num_attention_heads (${heads})`);
  // Qwen3's default is fixed in its published configuration class; the others derive it.
  const headDim = integer('head_dim', modelType === 'qwen3' ? 128 : hiddenSize / heads);
  if (headDim % 2 !== 0) fail('head_dim', 'an even number');
  const attentionBias = flag('attention_bias', false);
  const rope = isJson(json.rope_parameters) ? fields(json.rope_parameters, `${file}: rope_parameters`) : undefined;
  return {
    modelType,
    hiddenSize,
    layers: integer('num_hidden_layers'),
    heads,
    kvHeads,
    headDim,
    intermediateSize: integer('intermediate_size'),
    vocabSize: integer('vocab_size'),
    rmsNormEps: number('rms_norm_eps', 1e-6),
    ropeTheta: rope ? rope.number('rope_theta', 10_000) : number('rope_theta', 10_000),
    ropeScaling: parseRopeScaling(json, file),
    tieWordEmbeddings: flag('tie_word_embeddings', false),
    maxPositionEmbeddings: integer('max_position_embeddings'),
    qkvBias: modelType === 'qwen2' || attentionBias,
    outputBias: modelType !== 'qwen2' && attentionBias,
    qkNorm: modelType === 'qwen3',
  };
}

/**
 * Every tensor of the model under its Hugging Face name with its shape ([out, in] for matrices), in the order of the
 * graphs' inputs.
 */
export function parameterShapes(config: ModelConfig): Map<string, number[]> {
  const { hiddenSize: h, heads, kvHeads, headDim, intermediateSize: m, vocabSize } = config;
  const shapes = new Map<string, number[]>([['model.embed_tokens.weight', [vocabSize, h]]]);
  for (let layer = 0; layer < config.layers; layer++) {
    const at = `model.layers.${layer}`;
    const projections = { q_proj: heads * headDim, k_proj: kvHeads * headDim, v_proj: kvHeads * headDim };
    shapes.set(`${at}.input_layernorm.weight`, [h]);
    for (const [name, out] of Object.entries(projections)) {
      shapes.set(`${at}.self_attn.${name}.weight`, [out, h]);
      if (config.qkvBias) shapes.set(`${at}.self_attn.${name}.bias`, [out]);
    }
    if (config.qkNorm) {
      shapes.set(`${at}.self_attn.q_norm.weight`, [headDim]);
      shapes.set(`${at}.self_attn.k_norm.weight`, [headDim]);
    }
    shapes.set(`${at}.self_attn.o_proj.weight`, [h, heads * headDim]);
    if (config.outputBias) shapes.set(`${at}.self_attn.o_proj.bias`, [h]);
    shapes.set(`${at}.post_attention_layernorm.weight`, [h]);
    shapes.set(`${at}.mlp.gate_proj.weight`, [m, h]);
    shapes.set(`${at}.mlp.up_proj.weight`, [m, h]);
    shapes.set(`${at}.mlp.down_proj.weight`, [h, m]);
  }
  shapes.set('model.norm.weight', [h]);
  if (!config.tieWordEmbeddings) shapes.set('lm_head.weight', [vocabSize, h]);
  return shapes;
}

/** Rotary frequencies, radians a position, `headDim / 2` of them, scaled as Hugging Face's `rope_scaling` asks. */
export function rotaryFrequencies(config: ModelConfig): Float64Array {
  const { headDim, ropeTheta, ropeScaling: scaling } = config;
  return Float64Array.from({ length: headDim / 2 }, (_, i) => {
    const frequency = ropeTheta ** ((-2 * i) / headDim);
    if (!scaling) return frequency;
    if (scaling.type === 'linear') return frequency / scaling.factor;
    const { factor, lowFreqFactor: low, highFreqFactor: high, originalMaxPositionEmbeddings: context } = scaling;
    const turns = (context * frequency) / (2 * Math.PI);
    if (turns > high) return frequency;
    if (turns < low) return frequency / factor;
    const smooth = (turns - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}
