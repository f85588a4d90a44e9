import type { SessionTensor } from '../../../../src/engines/onnx/session.js';
import { type ModelConfig, parameterShapes, parseConfig } from '../../../../src/models/config.js';

const tiny = {
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  vocab_size: 29,
  rms_norm_eps: 1e-5,
  max_position_embeddings: 64,
};

/** One tiny model of each kind: every option of the architecture is on in one and off in another. */
export const configs: Readonly<Record<string, ModelConfig>> = {
  llama: parseConfig({ ...tiny, model_type: 'llama', tie_word_embeddings: true }, 'llama'),
  'llama with biases and YaRN': parseConfig(
    {
      ...tiny,
      model_type: 'llama',
      num_key_value_heads: 4,
      attention_bias: true,
      tie_word_embeddings: false,
      rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 16 },
    },
    'llama',
  ),
  'qwen2 with windows': parseConfig(
    {
      ...tiny,
      model_type: 'qwen2',
      num_key_value_heads: 1,
      tie_word_embeddings: true,
      ...{ use_sliding_window: true, sliding_window: 3, max_window_layers: 1 },
    },
    'qwen2',
  ),
  qwen3: parseConfig({ ...tiny, model_type: 'qwen3', head_dim: 8, tie_word_embeddings: false }, 'qwen3'),
  gemma2: parseConfig(
    {
      ...tiny,
      model_type: 'gemma2',
      head_dim: 8,
      query_pre_attn_scalar: 12,
      sliding_window: 4,
      attn_logit_softcapping: 2,
      final_logit_softcapping: 3,
    },
    'gemma2',
  ),
  gemma3: parseConfig(
    {
      ...tiny,
      model_type: 'gemma3_text',
      head_dim: 8,
      query_pre_attn_scalar: 8,
      sliding_window: 5,
      sliding_window_pattern: 2,
      rope_local_base_freq: 20,
    },
    'gemma3_text',
  ),
};

/** Wide enough that the runtime's matrix kernels work in several blocks. */
export const wider: ModelConfig = parseConfig(
  {
    ...tiny,
    model_type: 'qwen2',
    hidden_size: 192,
    num_attention_heads: 6,
    num_key_value_heads: 3,
    intermediate_size: 520,
    vocab_size: 1003,
    tie_word_embeddings: true,
  },
  'wider',
);

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomFloats(length: number, seed: number, scale = 1): Float32Array {
  const next = randomNumbers(seed);
  return Float32Array.from({ length }, () => (next() * 2 - 1) * scale);
}

export function randomTokens(length: number, vocabSize: number, seed: number): number[] {
  const next = randomNumbers(seed);
  return Array.from({ length }, () => Math.floor(next() * vocabSize));
}

/** Parameters large enough that every part of the model matters. */
export function randomParameters(config: ModelConfig, seed: number): Map<string, SessionTensor> {
  let count = 0;
  return new Map(
    [...parameterShapes(config)].map(([name, shape]) => {
      const size = shape.reduce((a, n) => a * n, 1);
      const data = randomFloats(size, seed + 7919 * count++, shape.length === 1 ? 0.3 : 1.7 / Math.sqrt(shape[1] ?? 1));
      if (name.includes('norm')) for (let i = 0; i < size; i++) data[i] = (data[i] ?? 0) + 1 - config.normOffset;
      return [name, { data, shape }];
    }),
  );
}

export function ids(values: readonly number[], shape: readonly number[] = [values.length]): SessionTensor {
  return { data: BigInt64Array.from(values, BigInt), shape };
}

export function floats(
  values: readonly number[] | Float32Array,
  shape: readonly number[] = [values.length],
): SessionTensor {
  return { data: Float32Array.from(values), shape };
}

/** The data of a float output. */
export function numbers(tensors: ReadonlyMap<string, SessionTensor>, name: string): Float32Array {
  const data = tensors.get(name)?.data;
  if (!(data instanceof Float32Array)) throw new Error(`no floats in ${name}`);
  return data;
}
