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

describe('rotary settings', () => {
  const { rope_theta: _, ...bare } = qwen3;
  const rope = (json: object) => {
    const { ropeTheta, ropeScaling } = parseConfig({ ...bare, ...json }, 'c');
    return { theta: ropeTheta, scaling: ropeScaling };
  };
  const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4 };
  const scaled = (context: number) => ({
    type: 'llama3',
    factor: 8,
    lowFreqFactor: 1,
    highFreqFactor: 4,
    originalMaxPositionEmbeddings: context,
  });

  // What transformers 5.24 standardizes each of these to.
  it.each([
    [{}, 10_000, undefined],
    [{ rope_theta: 5e5 }, 5e5, undefined],
    [{ rope_theta: 5e5, rope_scaling: null }, 5e5, undefined],
    [{ rope_theta: 5e5, rope_parameters: { rope_type: 'default' } }, 5e5, undefined],
    [{ rope_parameters: { rope_theta: 1e6 } }, 1e6, undefined],
    [{ rope_theta: 5e5, rope_parameters: { rope_theta: 1e6 } }, 1e6, undefined],
    [{ rope_theta: 5e5, rope_scaling: {}, rope_parameters: { rope_theta: 1e6 } }, 1e6, undefined],
    [
      {
        rope_theta: 5e5,
        rope_scaling: { rope_type: 'linear', factor: 2, rope_theta: 100 },
        rope_parameters: { rope_theta: 1 },
      },
      100,
      { type: 'linear', factor: 2 },
    ],
    [{ rope_scaling: { type: 'linear', factor: 4 } }, 10_000, { type: 'linear', factor: 4 }],
    [{ rope_scaling: { type: 'linear', rope_type: 'default' } }, 10_000, undefined],
    [{ rope_scaling: { rope_type: 'llama3', ...llama3, original_max_position_embeddings: 64 } }, 10_000, scaled(64)],
    [{ rope_scaling: { rope_type: 'llama3', ...llama3 } }, 10_000, scaled(128)],
    [
      {
        original_max_position_embeddings: 32,
        rope_scaling: { rope_type: 'llama3', ...llama3, original_max_position_embeddings: 64 },
      },
      10_000,
      scaled(32),
    ],
  ])('of %j', (json, theta, scaling) => {
    expect(rope(json)).toEqual({ theta, scaling });
  });

  it.each([
    [
      { rope_scaling: { rope_type: 'yarn', factor: 4 } },
      'c: rope_scaling: field "rope_type" is "yarn"; expected "default", "linear" or "llama3"',
    ],
    [{ rope_scaling: { type: 'dynamic', factor: 4 } }, 'c: rope_scaling: field "type" is "dynamic"'],
    [{ rope_parameters: { rope_type: 'longrope' } }, 'c: rope_parameters: field "rope_type" is "longrope"'],
    [{ rope_scaling: { rope_type: 'mrope', mrope_section: [1] } }, 'rope_scaling: field "rope_type" is "mrope"'],
    [{ rope_parameters: { rope_type: 'linear' } }, 'c: rope_parameters: field "factor" is missing'],
    [{ rope_scaling: { factor: 4 } }, 'c: rope_scaling: field "factor" is 4; expected nothing without a rope_type'],
    [{ rope_scaling: 'linear' }, 'c: field "rope_scaling" is "linear"; expected an object or null'],
    [{ rope_theta: 0 }, 'c: field "rope_theta" is 0; expected a positive number'],
    [{ rope_parameters: { rope_theta: '1e6' } }, 'c: rope_parameters: field "rope_theta" is "1e6"'],
    [{ partial_rotary_factor: 0.5 }, 'c: field "partial_rotary_factor" is 0.5'],
    [{ rope_parameters: { partial_rotary_factor: 0.5 } }, 'c: rope_parameters: field "partial_rotary_factor" is 0.5'],
    [{ rope_parameters: { full_attention: { rope_theta: 1e6 } } }, 'c: rope_parameters: field "full_attention" is'],
  ])('%j is refused by its own name', (json, message) => {
    expect(() => rope(json)).toThrow(message);
  });
});
