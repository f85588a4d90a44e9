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
      `${file}: field "${name}" is ${found === undefined ? 'missing' : JSON.stringify(found)}${hint}; expected ` +
        `${expected}`,
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
  const has = (name: string): boolean => json[name] !== undefined && json[name] !== null;
  return { fail, number, integer, flag, has };
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Kinds of scaling that transformers has and the engine does not. */
const otherRopeTypes = ['dynamic', 'yarn', 'longrope', 'su', 'proportional', 'mrope', 'axial'];
const ropeTypes = '"default", "linear" or "llama3"';

/**
 * Rotary settings from wherever transformers takes them: `rope_scaling` or `rope_parameters`, each with `rope_type` or
 * `type`, and `rope_theta` inside it or at the top. What is inside comes first.
 */
function parseRope(json: Json, file: string): Pick<ModelConfig, 'ropeTheta' | 'ropeScaling'> {
  const top = fields(json, file);
  const name = isEmpty(json.rope_scaling) ? 'rope_parameters' : 'rope_scaling';
  const settings = json[name] ?? {};
  if (!isJson(settings)) return top.fail(name, 'an object or null');
  const inside = fields(settings, `${file}: ${name}`);
  for (const [key, value] of Object.entries(settings))
    if (isJson(value)) inside.fail(key, 'no settings per kind of layer: all layers of these models share one');
  for (const place of [inside, top])
    if (place.number('partial_rotary_factor', 1) !== 1) place.fail('partial_rotary_factor', '1: all of a head rotates');
  const ropeTheta = (inside.has('rope_theta') ? inside : top).number('rope_theta', DEFAULT_THETA);
  const key = inside.has('rope_type') || !inside.has('type') ? 'rope_type' : 'type';
  switch (settings[key] ?? 'default') {
    case 'default':
      for (const field of ['factor', 'short_factor', 'long_factor'])
        if (inside.has(field)) inside.fail(field, `nothing without a ${key} of "linear" or "llama3"`);
      return { ropeTheta, ropeScaling: undefined };
    case 'linear':
      return { ropeTheta, ropeScaling: { type: 'linear', factor: inside.number('factor') } };
    case 'llama3':
      return {
        ropeTheta,
        ropeScaling: {
          type: 'llama3',
          factor: inside.number('factor'),
          lowFreqFactor: inside.number('low_freq_factor'),
          highFreqFactor: inside.number('high_freq_factor'),
          // As in transformers, a value outside comes first, and the trained context is the default.
          originalMaxPositionEmbeddings: top.has('original_max_position_embeddings')
            ? top.integer('original_max_position_embeddings')
            : inside.integer('original_max_position_embeddings', top.integer('max_position_embeddings')),
        },
      };
    default: {
      const isKnown = otherRopeTypes.includes(String(settings[key]));
      return inside.fail(key, `${ropeTypes}${isKnown ? ': other kinds of scaling are not supported' : ''}`);
    }
  }
}

const DEFAULT_THETA = 10_000;

/** As Python's `or` sees it: nothing, or an object without entries. */
const isEmpty = (value: unknown): boolean =>
  value === undefined || value === null || (isJson(value) && Object.keys(value).length === 0);

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
    ...parseRope(json, file),
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
