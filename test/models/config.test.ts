import { describe, expect, it } from 'vitest';
import { parameterShapes, parseConfig, rotaryFrequencies } from '../../src/models/config.js';

const qwen3 = {
  model_type: 'qwen3',
  hidden_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 32,
  intermediate_size: 96,
  vocab_size: 50,
  rms_norm_eps: 1e-6,
  rope_theta: 1_000_000,
  tie_word_embeddings: true,
  max_position_embeddings: 128,
};

describe('parseConfig', () => {
  it('reads a Qwen3 configuration with a head size of its own', () => {
    const config = parseConfig(qwen3, 'config.json');
    expect(config).toMatchObject({ qkNorm: true, qkvBias: false, outputBias: false, headDim: 32, kvHeads: 2 });
    const shapes = parameterShapes(config);
    expect(shapes.get('model.layers.1.self_attn.q_proj.weight')).toEqual([128, 64]);
    expect(shapes.get('model.layers.1.self_attn.q_norm.weight')).toEqual([32]);
    expect(shapes.has('lm_head.weight')).toBe(false);
  });

  it('has biases on q, k and v only for Qwen2, and by attention_bias on all four for Llama', () => {
    const { head_dim: _, ...json } = qwen3;
    const qwen2 = parameterShapes(parseConfig({ ...json, model_type: 'qwen2' }, 'config.json'));
    expect(qwen2.get('model.layers.0.self_attn.k_proj.bias')).toEqual([32]);
    expect(qwen2.has('model.layers.0.self_attn.o_proj.bias')).toBe(false);
    const llama = parameterShapes(
      parseConfig({ ...json, model_type: 'llama', attention_bias: true, tie_word_embeddings: false }, 'config.json'),
    );
    expect(llama.get('model.layers.0.self_attn.o_proj.bias')).toEqual([64]);
    expect(llama.get('lm_head.weight')).toEqual([50, 64]);
  });

  it('names file, field, found value and nearest match', () => {
    const { hidden_size: _, ...json } = qwen3;
    expect(() => parseConfig({ ...json, hiden_size: 64 }, 'm/config.json')).toThrow(
      'm/config.json: field "hidden_size" is missing (there is "hiden_size"); expected a positive number',
    );
    expect(() => parseConfig({ ...qwen3, model_type: 'mamba' }, 'c')).toThrow('"model_type" is "mamba"');
    expect(() => parseConfig({ ...qwen3, num_key_value_heads: 3 }, 'c')).toThrow('a divisor');
    expect(() => parseConfig({ ...qwen3, rope_scaling: { rope_type: 'yarn', factor: 4 } }, 'c')).toThrow('"yarn"');
    expect(() => parseConfig({ ...qwen3, use_sliding_window: true }, 'c')).toThrow('use_sliding_window');
  });
});

describe('rotaryFrequencies', () => {
  it('keeps high frequencies and divides low ones under llama3 scaling', () => {
    const plain = rotaryFrequencies(parseConfig(qwen3, 'c'));
    const scaled = rotaryFrequencies(
      parseConfig(
        {
          ...qwen3,
          rope_scaling: {
            rope_type: 'llama3',
            factor: 8,
            low_freq_factor: 1,
            high_freq_factor: 4,
            original_max_position_embeddings: 64,
          },
        },
        'c',
      ),
    );
    expect(scaled[0]).toBe(plain[0]);
    expect(scaled[15]).toBeCloseTo((plain[15] ?? 0) / 8, 12);
  });

  it('reads the newer rope_parameters', () => {
    const { rope_theta: _, ...json } = qwen3;
    const config = parseConfig({ ...json, rope_parameters: { rope_type: 'linear', factor: 2, rope_theta: 500 } }, 'c');
    expect(config.ropeTheta).toBe(500);
    expect(rotaryFrequencies(config)[0]).toBe(0.5);
  });
});
