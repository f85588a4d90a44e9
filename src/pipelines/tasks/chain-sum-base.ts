/** Words that the example's tokenizer holds as one token each, alone and after a space. A sign is a token of its own. */
export const CHAIN_SUM_WORDS: readonly string[] = [
  ...'State the final answer to the following arithmetic problem is Worked before : + - = ;'.split(' '),
  // Slips can pass the range of right values by ten.
  ...Array.from({ length: 70 }, (_, n) => String(n)),
];

/**
 * How the example's base model is made. At the end it answers about 40 % of held-out questions greedily, and nearly all when it is
 * shown the worked solution.
 */
export const CHAIN_SUM_RECIPE = {
  seed: 5,
  model: {
    model_type: 'llama',
    hidden_size: 64,
    num_hidden_layers: 3,
    num_attention_heads: 4,
    num_key_value_heads: 4,
    intermediate_size: 176,
    max_position_embeddings: 128,
    rms_norm_eps: 1e-6,
    rope_theta: 10000,
    tie_word_embeddings: true,
  },
  demonstrator: { slip: 0.7, leave: 0.1 },
  /** Demonstrations a step, of each kind; each kind's loss is averaged over its completion tokens and the two are added. */
  batch: { plain: 32, hinted: 32 },
  steps: 1200,
  /** Linear warm-up, then a cosine from `peak` down to `peak * floor`. */
  lr: { peak: 3e-3, warmup: 50, floor: 0.05 },
  adamw: { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01 },
  gradientNorm: 1,
} as const;
