/** Words that the example's tokenizer holds as one token each, alone and after a space. A sign is a token of its own. */
export const CHAIN_SUM_WORDS: readonly string[] = [
  ...'State the final answer to the following arithmetic problem is Worked before : + - = ;'.split(' '),
  // Slips can pass the range of right values by ten.
  ...Array.from({ length: 70 }, (_, n) => String(n)),
];

/**
 * How the example's base model is made: a supervised warm start on plain and hinted demonstrations, half and half. At its end the
 * model answers about half of held-out questions greedily, and nearly all when it is shown the worked solution.
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
  /** Demonstrations a step, of each kind. */
  batch: 32,
  learn: { lr: 2e-3, warmup: 50, schedule: 'cosine', weightDecay: 0.01, microTokens: 2048 },
} as const;
