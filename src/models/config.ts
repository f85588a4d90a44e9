import { UserError } from '../support/errors.js';
import { type Activation, type Family, families, familyOf, isModelType, type ModelType } from './families/family.js';
import { FieldError, type Fields, fieldsOf, isJson, type Json } from './families/fields.js';
import type { Ropes } from './families/rope.js';

/** The architecture of a decoder-only model, read from a Hugging Face `config.json`. */
export interface ModelConfig extends Ropes {
  readonly modelType: ModelType;
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
  /** By layer: how many tokens it sees, the newest included; undefined where it sees all. */
  readonly windows: readonly (number | undefined)[];
  /** The head is the embedding matrix; there is no `lm_head.weight`. */
  readonly tieWordEmbeddings: boolean;
  /** Maximum sequence length in tokens. */
  readonly maxPositionEmbeddings: number;
  /** Biases on the q, k and v projections: always in Qwen2, by `attention_bias` elsewhere. */
  readonly qkvBias: boolean;
  /** A bias on the attention's output projection: by `attention_bias`, never in Qwen2. */
  readonly outputBias: boolean;
  /** RMSNorm on each head's query and key (Qwen3, Gemma 3). */
  readonly qkNorm: boolean;
  readonly activation: Activation;
  /** Multiplies the attention's scores. */
  readonly attentionScale: number;
  /** Scores, and logits, become cap * tanh(x / cap) (Gemma). */
  readonly attentionSoftcap: number | undefined;
  readonly logitSoftcap: number | undefined;
  /** Norms multiply by weight + this (1 in Gemma). */
  readonly normOffset: 0 | 1;
  /** Multiplies embeddings (Gemma). */
  readonly embeddingScale: number;
  /** A norm also after attention and after the MLP (Gemma). */
  readonly postNorms: boolean;
}

/**
 * Reads a Hugging Face `config.json`.
 * @param file names the file in errors.
 * @throws UserError naming file and field when a field is missing, malformed, or asks for something that is not
 * supported.
 */
export function parseConfig(json: unknown, file: string): ModelConfig {
  if (!isJson(json)) throw new UserError('model-config', `${file}: expected a JSON object`);
  const modelType = isModelType(json.model_type)
    ? json.model_type
    : fieldsOf(json, file).fail('model_type', Object.keys(families).join(', '));
  const family = familyOf(modelType);
  const config = fieldsOf(json, file, family.defaults);
  const { number, integer, flag } = config;
  refuseOthers(config, family);
  const hiddenSize = integer('hidden_size');
  const heads = integer('num_attention_heads');
  const kvHeads = integer('num_key_value_heads', heads);
  if (heads % kvHeads !== 0) config.fail('num_key_value_heads', `a divisor of num_attention_heads (${heads})`);
  const headDim = integer('head_dim', hiddenSize / heads);
  if (headDim % 2 !== 0) config.fail('head_dim', 'an even number');
  const layers = integer('num_hidden_layers');
  const hasBias = family.biases === 'attention_bias' && flag('attention_bias', false);
  const { gemma } = family;
  const windowed = family.windowed(config);
  return {
    modelType,
    hiddenSize,
    layers,
    heads,
    kvHeads,
    headDim,
    intermediateSize: integer('intermediate_size'),
    vocabSize: integer('vocab_size'),
    rmsNormEps: number('rms_norm_eps', 1e-6),
    ...family.rope(config),
    windows: Array.from({ length: layers }, (_, i) => (windowed(i) ? integer('sliding_window') : undefined)),
    tieWordEmbeddings: flag('tie_word_embeddings', false),
    maxPositionEmbeddings: integer('max_position_embeddings'),
    qkvBias: family.biases === 'qkv' || hasBias,
    outputBias: hasBias,
    qkNorm: family.qkNorm,
    activation: family.activation,
    attentionScale: (gemma ? number('query_pre_attn_scalar') : headDim) ** -0.5,
    attentionSoftcap: gemma ? config.optional('attn_logit_softcapping') : undefined,
    logitSoftcap: gemma ? config.optional('final_logit_softcapping') : undefined,
    normOffset: gemma ? 1 : 0,
    embeddingScale: gemma ? Math.sqrt(hiddenSize) : 1,
    postNorms: gemma,
  };
}

/**
 * Everything in a config.json that keeps it from being read, one line each: each field that is refused is left out for
 * the next look.
 * @returns the rest of it as far as it can be read, for what it says of the model
 */
export function inspectConfig(
  json: Json,
  file: string,
): { readonly config: ModelConfig | undefined; readonly problems: readonly string[] } {
  const problems: string[] = [];
  for (let rest = json; ; ) {
    try {
      return { config: parseConfig(rest, file), problems };
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      problems.push(error.message);
      const { [error.field]: refused, ...others } = rest;
      if (refused === undefined || error.field === 'model_type') return { config: undefined, problems };
      rest = others;
    }
  }
}

/** What transformers has and the engine does not, by its field. */
function refuseOthers(config: Fields, { activation, gemma }: Family): void {
  const field = gemma ? 'hidden_activation' : 'hidden_act';
  if ((config.json[field] ?? activation) !== activation) config.fail(field, JSON.stringify(activation));
  if (config.flag('mlp_bias', false)) config.fail('mlp_bias', 'false');
  if (config.flag('use_bidirectional_attention', false)) config.fail('use_bidirectional_attention', 'false');
  if (config.json.quantization_config) config.fail('quantization_config', 'nothing: weights must not be quantized');
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
    if (config.postNorms) shapes.set(`${at}.pre_feedforward_layernorm.weight`, [h]);
    shapes.set(`${at}.mlp.gate_proj.weight`, [m, h]);
    shapes.set(`${at}.mlp.up_proj.weight`, [m, h]);
    shapes.set(`${at}.mlp.down_proj.weight`, [h, m]);
    if (config.postNorms) shapes.set(`${at}.post_feedforward_layernorm.weight`, [h]);
  }
  shapes.set('model.norm.weight', [h]);
  if (!config.tieWordEmbeddings) shapes.set('lm_head.weight', [vocabSize, h]);
  return shapes;
}
