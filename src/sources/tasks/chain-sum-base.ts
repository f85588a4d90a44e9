/** Words with one token each in the example's tokenizer, alone and after a space. Every sign is a token. */
export const CHAIN_SUM_WORDS: readonly string[] = [
  ...'State the final answer to the following arithmetic problem is Worked before : + - = ;'.split(' '),
  // Wrong values can exceed the range of right ones by ten.
  ...Array.from({ length: 70 }, (_, n) => String(n)),
];

/**
 * Recipe of the example's base model: supervised training on plain and hinted demonstrations, half and half. The result
 * answers about half of the held-out questions greedily, and nearly all of them when shown the worked solution.
 */
export const CHAIN_SUM_RECIPE = {
  seed: 5,
  /** As in config.json. */
  model: {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: 128,
    num_hidden_layers: 4,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    intermediate_size: 352,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    torch_dtype: 'float32',
  },
  demonstrator: { slip: 0.6, leave: 0.1 },
  steps: 700,
  /** Demonstrations of each kind per step. */
  batch: 32,
  learn: { lr: 2e-3, warmup: 50, schedule: 'cosine', weightDecay: 0.01, microTokens: 2048 },
} as const;
