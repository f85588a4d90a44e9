import { describe, expect, it } from 'vitest';
import { type ModelConfig, parameterShapes, parseConfig } from '../../src/models/config.js';
import { rotaryFrequencies, rotaryScale } from '../../src/models/families/rope.js';

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
  });
});

const frequenciesOf = ({ rope, headDim }: ModelConfig) => rotaryFrequencies(rope, headDim);

describe('rotaryFrequencies', () => {
  it('keeps high frequencies and divides low ones under llama3 scaling', () => {
    const plain = frequenciesOf(parseConfig(qwen3, 'c'));
    const scaled = frequenciesOf(
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
    expect(config.rope.theta).toBe(500);
    expect(frequenciesOf(config)[0]).toBe(0.5);
  });
});

describe('rotary settings', () => {
  const { rope_theta: _, ...bare } = qwen3;
  const rope = (json: object) => {
    return parseConfig({ ...bare, ...json }, 'c').rope;
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
      { rope_scaling: { rope_type: 'yarm', factor: 4 } },
      'c: rope_scaling: field "rope_type" is "yarm"; expected "default", "linear", "dynamic", "llama3" or "yarn"',
    ],
    [{ rope_scaling: { type: 'dynamic' } }, 'c: rope_scaling: field "factor" is missing'],
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

describe('windows', () => {
  const windows = (json: object) => parseConfig({ ...qwen3, num_hidden_layers: 4, ...json }, 'c').windows;
  const all = undefined;

  it.each([
    [{}, [all, all, all, all]],
    [{ sliding_window: 8 }, [all, all, all, all]],
    [{ use_sliding_window: true, sliding_window: 8, max_window_layers: 2 }, [all, all, 8, 8]],
    [{ use_sliding_window: true, sliding_window: null }, [all, all, all, all]],
    [
      {
        sliding_window: 8,
        layer_types: ['sliding_attention', 'full_attention', 'full_attention', 'sliding_attention'],
      },
      [8, all, all, 8],
    ],
    [{ model_type: 'mistral' }, [4096, 4096, 4096, 4096]],
    [{ model_type: 'mistral', sliding_window: null }, [all, all, all, all]],
    [{ model_type: 'gemma2', sliding_window: 8 }, [8, all, 8, all]],
    [{ model_type: 'gemma3_text', sliding_window: 8, sliding_window_pattern: 3 }, [8, 8, all, 8]],
    [{ model_type: 'llama', sliding_window: 8 }, [all, all, all, all]],
  ])('of %j', (json, expected) => {
    expect(windows(json)).toEqual(expected);
  });

  it.each([
    [{ layer_types: ['full_attention'] }, 'c: field "layer_types" is ["full_attention"]; expected a list of 4'],
    [{ layer_types: Array(4).fill('linear_attention') }, 'expected "full_attention" and "sliding_attention" alone'],
    [{ use_sliding_window: true, max_window_layers: -1 }, 'c: field "max_window_layers" is -1'],
    [{ model_type: 'mistral', sliding_window: 0 }, 'c: field "sliding_window" is 0; expected a positive'],
  ])('%j is refused by its own name', (json, message) => {
    expect(() => windows(json)).toThrow(message);
  });
});

describe('Gemma', () => {
  const gemma = { ...qwen3, model_type: 'gemma3_text', head_dim: 32, query_pre_attn_scalar: 64 };
  const { rope_theta: _, ...bare } = gemma;

  it('has defaults of its own', () => {
    const { head_dim: _, query_pre_attn_scalar: __, tie_word_embeddings: ___, ...json } = gemma;
    const config = parseConfig({ ...json, model_type: 'gemma2' }, 'c');
    expect(config).toMatchObject({ headDim: 256, attentionScale: 1 / 16, attentionSoftcap: 50, logitSoftcap: 30 });
    expect(config).toMatchObject({ tieWordEmbeddings: true, normOffset: 1, embeddingScale: 8, qkNorm: false });
    expect(parseConfig(gemma, 'c')).toMatchObject({ attentionSoftcap: undefined, attentionScale: 1 / 8, qkNorm: true });
    expect(parameterShapes(config).get('model.layers.1.post_feedforward_layernorm.weight')).toEqual([64]);
  });

  it.each([
    [{}, { theta: 1e6, scaling: undefined }, 10_000],
    [
      { rope_theta: 5e5, rope_local_base_freq: 100, rope_scaling: { rope_type: 'linear', factor: 8 } },
      { theta: 5e5, scaling: { type: 'linear', factor: 8 } },
      100,
    ],
    [
      { rope_parameters: { full_attention: { rope_theta: 7 }, sliding_attention: { rope_theta: 3 } } },
      { theta: 7, scaling: undefined },
      3,
    ],
  ])('has two rotations, of %j', (json, rope, local) => {
    expect(parseConfig({ ...bare, ...json }, 'c')).toMatchObject({ rope, windowRope: { theta: local } });
  });

  it.each([
    [{ hidden_activation: 'gelu' }, 'c: field "hidden_activation" is "gelu"; expected "gelu_pytorch_tanh"'],
    [{ use_bidirectional_attention: true }, 'c: field "use_bidirectional_attention" is true; expected false'],
    [
      { rope_parameters: { full_attention: { rope_type: 'longrope' } } },
      'c: rope_parameters.full_attention: field "rope_type" is "longrope"',
    ],
    [{ model_type: 'gemma3' }, 'c: field "model_type" is "gemma3"; expected llama, mistral'],
  ])('refuses %j by its own name', (json, message) => {
    expect(() => parseConfig({ ...bare, ...json }, 'c')).toThrow(message);
  });
});

it('YaRN keeps fast frequencies, divides slow ones, and sharpens attention by the logarithm of its factor', () => {
  const yarn = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 64 };
  const { rope, headDim } = parseConfig({ ...qwen3, rope_scaling: yarn }, 'c');
  const [plain, scaled] = [
    rotaryFrequencies({ ...rope, scaling: undefined }, headDim),
    rotaryFrequencies(rope, headDim),
  ];
  expect(scaled[0]).toBe(plain[0]);
  expect(scaled[15]).toBeCloseTo((plain[15] ?? 0) / 4, 12);
  expect(rotaryScale(rope)).toBeCloseTo(0.1 * Math.log(4) + 1, 12);
});
