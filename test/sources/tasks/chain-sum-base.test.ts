import { Tokenizer } from '@huggingface/tokenizers';
import { expect, it } from 'vitest';
import { makeTokenizer } from '../../../src/models/bpe.js';
import { CHAIN_SUM_RECIPE, CHAIN_SUM_WORDS } from '../../../src/sources/tasks/chain-sum-base.js';
import { chainSumDemonstration } from '../../../src/sources/tasks/chain-sum-demonstrations.js';

it('the tokenizer has one token per word of the example, and the context fits the longest conversation', () => {
  const { files } = makeTokenizer(CHAIN_SUM_WORDS);
  const tokenizer = new Tokenizer(JSON.parse(files['tokenizer.json']), JSON.parse(files['tokenizer_config.json']));
  const demonstrator = { slip: 1, leave: 0.5 };
  let longest = 0;
  for (let index = 0; index < 1000; index++) {
    const { prompt, completion } = chainSumDemonstration({ seed: 2, index, hinted: true }, demonstrator);
    const conversation = `<|user|>${prompt}<|assistant|>${completion}<|endoftext|>`;
    const { tokens } = tokenizer.encode(conversation);
    // A role's tag, a word, a number, a mark, or the sign of a negative number.
    expect(tokens).toHaveLength(conversation.match(/<\|\w+\|>|\w+|[^\s\w]|\n/g)?.length ?? 0);
    longest = Math.max(longest, tokens.length);
  }
  expect(longest).toBeGreaterThan(90);
  expect(longest).toBeLessThanOrEqual(CHAIN_SUM_RECIPE.model.max_position_embeddings);
});
