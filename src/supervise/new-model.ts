import { makeTokenizer } from '../models/bpe.js';
import { parseConfig } from '../models/config.js';
import type { ModelFolder } from '../models/folder.js';
import { initModel } from '../models/init.js';
import { UserError } from '../support/errors.js';
import type { NewModel } from './spec.js';

/**
 * A Llama model with random weights and a tokenizer for the task.
 * @param texts what the words are taken from, besides those that the file names
 * @throws {UserError} `bad-spec` for a word that cannot be one token
 */
export function newModel(model: NewModel, seed: number, texts: readonly string[]): ModelFolder {
  const { files, vocabSize } = tokenizerOf([...wordsOf(model), ...wordsIn(texts)]);
  const { added_tokens: added } = JSON.parse(files['tokenizer.json']) as { added_tokens: { id: number }[] };
  const json = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: model.hiddenSize,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    num_key_value_heads: model.heads,
    intermediate_size: model.intermediateSize ?? Math.ceil(model.hiddenSize / 12) * 32,
    max_position_embeddings: model.contextLength,
    rms_norm_eps: 1e-6,
    rope_theta: 10_000,
    tie_word_embeddings: true,
    hidden_act: 'silu',
    torch_dtype: 'float32',
    vocab_size: vocabSize,
    // The first special token ends a completion.
    eos_token_id: added[0]?.id,
  };
  const config = parseConfig(json, 'config.json');
  const texted = { ...files, 'config.json': `${JSON.stringify(json, null, 2)}\n` };
  return {
    config,
    files: new Map(Object.entries(texted).map(([name, content]) => [name, Buffer.from(content)])),
    parameters: initModel(config, seed),
  };
}

function tokenizerOf(words: readonly string[]): ReturnType<typeof makeTokenizer> {
  try {
    return makeTokenizer(words);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError('bad-spec', `model.words: ${error.message}`);
  }
}

function wordsOf({ words = [], numbers = 0 }: NewModel): string[] {
  const named = typeof words === 'string' ? words.split(/\s+/).filter((word) => word !== '') : words;
  return [...named, ...Array.from({ length: numbers }, (_, n) => String(n))];
}

/** Splits as the byte-level pre-tokenizer does, without the space before a word. */
const WORD = /'(?:s|t|re|ve|m|ll|d)|\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+/gu;

/** The words of texts, the most frequent first. */
function wordsIn(texts: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const text of texts) for (const [word] of text.matchAll(WORD)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1)).map(([word]) => word);
}
