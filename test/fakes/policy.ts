import type { Completion, Policy } from '../../src/engines/policy.js';

/**
 * A policy of constants, for tests and benchmarks of the flow around the model: it "answers" with the last digit of
 * each seed.
 */
export function constantPolicy(tokens = 4): Policy {
  const ids = new Int32Array(tokens).fill(7);
  return {
    templateHash: 'constant',
    contextLength: 1024,
    encodePrompt: (messages) => new Int32Array(messages.reduce((n, m) => n + m.content.length, 0) || 1),
    decode: (all) => '7'.repeat(all.length),
    load: async () => {},
    unload: async () => {},
    has: () => true,
    sample: async (_, { seeds }) =>
      seeds.map(
        (seed): Completion => ({
          tokens: ids,
          logprobs: new Float32Array(tokens).fill(-1),
          text: `the answer is ${seed % 10n}`,
          finishReason: 'stop',
        }),
      ),
    score: async (_, request) => new Float32Array(request.tokens.length - request.from).fill(-0.9),
    close: async () => {},
  };
}
