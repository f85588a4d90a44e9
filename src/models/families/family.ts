import type { Fields, Json } from './fields.js';
import { parseRope, parseRopes, type Ropes } from './rope.js';

/** What tells a family of decoder-only models from Llama. */
export interface Family {
  /** For people. */
  readonly title: string;
  /** What transformers takes for a field that config.json leaves out, where that is no general rule. */
  readonly defaults: Json;
  readonly activation: Activation;
  /** Biases in attention: of q, k and v always; of q, k, v and o by `attention_bias`; never. */
  readonly biases: 'qkv' | 'attention_bias' | 'none';
  /** RMSNorm on each head's query and key. */
  readonly qkNorm: boolean;
  /**
   * Gemma: a norm multiplies by weight + 1, embeddings by sqrt(hidden_size), scores by query_pre_attn_scalar ** -0.5;
   * each block has a norm after it too, and scores and logits may be capped.
   */
  readonly gemma: boolean;
  readonly rope: (config: Fields) => Ropes;
  /** Whether a layer sees only the newest `sliding_window` tokens. */
  readonly windowed: (config: Fields) => (layer: number) => boolean;
}

/** silu(x) = x * sigmoid(x), or GELU in its tanh form. */
export type Activation = 'silu' | 'gelu_pytorch_tanh';

const llama: Family = {
  title: 'Llama 2 and 3, SmolLM2',
  defaults: {},
  activation: 'silu',
  biases: 'attention_bias',
  qkNorm: false,
  gemma: false,
  rope: parseRope,
  windowed: () => () => false,
};

/** As `layer_types` says, or as the family has it where the field is missing. */
const listedOr =
  (otherwise: Family['windowed']): Family['windowed'] =>
  (config) => {
    if (!config.has('layer_types')) return otherwise(config);
    const types = config.json.layer_types;
    const layers = config.integer('num_hidden_layers');
    if (!Array.isArray(types) || types.length !== layers)
      return config.fail('layer_types', `a list of ${layers} kinds of layers, as num_hidden_layers has it`);
    if (types.some((type) => type !== 'full_attention' && type !== 'sliding_attention'))
      return config.fail('layer_types', '"full_attention" and "sliding_attention" alone');
    return (layer) => types[layer] === 'sliding_attention';
  };

/** With `use_sliding_window`, the layers from `max_window_layers` on. */
const upperLayers: Family['windowed'] = (config) => {
  if (!config.flag('use_sliding_window', false) || !config.has('sliding_window')) return () => false;
  const first = config.json.max_window_layers;
  if (typeof first !== 'number' || !Number.isSafeInteger(first) || first < 0)
    return config.fail('max_window_layers', 'an integer from 0');
  return (layer) => layer >= first;
};

const qwen2: Family = {
  ...llama,
  title: 'Qwen2 and Qwen2.5',
  defaults: { num_key_value_heads: 32, sliding_window: 4096, max_window_layers: 28 },
  biases: 'qkv',
  windowed: listedOr(upperLayers),
};

const gemma2: Family = {
  ...llama,
  title: 'Gemma 2',
  defaults: {
    num_key_value_heads: 4,
    head_dim: 256,
    query_pre_attn_scalar: 256,
    sliding_window: 4096,
    attn_logit_softcapping: 50,
    final_logit_softcapping: 30,
    tie_word_embeddings: true,
  },
  activation: 'gelu_pytorch_tanh',
  gemma: true,
  windowed: listedOr(() => (layer) => layer % 2 === 0),
};

/** By `model_type` in config.json. */
export const families = {
  llama,
  mistral: {
    ...llama,
    title: 'Mistral',
    defaults: { num_key_value_heads: 8, sliding_window: 4096 },
    biases: 'none',
    windowed: (config) => () => config.has('sliding_window'),
  },
  qwen2,
  qwen3: {
    ...qwen2,
    title: 'Qwen3',
    defaults: { ...qwen2.defaults, head_dim: 128 },
    biases: 'attention_bias',
    qkNorm: true,
  },
  gemma2,
  gemma3_text: {
    ...gemma2,
    title: 'Gemma 3, text',
    defaults: {
      num_key_value_heads: 4,
      head_dim: 256,
      query_pre_attn_scalar: 256,
      sliding_window: 4096,
      sliding_window_pattern: 6,
      tie_word_embeddings: true,
    },
    qkNorm: true,
    rope: parseRopes,
    windowed: listedOr((config) => {
      const every = config.integer('sliding_window_pattern');
      return (layer) => (layer + 1) % every !== 0;
    }),
  },
} satisfies Record<string, Family>;

export type ModelType = keyof typeof families;

export const isModelType = (type: unknown): type is ModelType =>
  typeof type === 'string' && Object.hasOwn(families, type);

export const familyOf = (type: ModelType): Family => families[type];
