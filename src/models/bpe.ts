import { Tokenizer } from '@huggingface/tokenizers';
import { at } from '../support/required.js';

/** Files of a Hugging Face tokenizer, by name. */
export interface TokenizerFiles {
  readonly 'tokenizer.json': string;
  readonly 'tokenizer_config.json': string;
}

export interface MadeTokenizer {
  readonly files: TokenizerFiles;
  readonly vocabSize: number;
}

/** Each message after its role's tag; an answer ends with the end token. */
const CHAT_TEMPLATE =
  "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content }}{% if m.role == 'assistant' %}{{ eos_token }}{% " +
  'endif %}{% endfor %}' +
  "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
const EOS = '<|endoftext|>';
const SPECIALS = [EOS, '<|system|>', '<|user|>', '<|assistant|>'];

/**
 * GPT-2's stand-in for each byte: printable Latin-1 stands for itself, the rest is moved up from 256, so that a
 * byte-level vocabulary can be written as text.
 */
const BYTES: readonly string[] = (() => {
  let moved = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCodePoint(printable ? byte : moved++);
  });
})();

/**
 * A byte-level BPE tokenizer in which each given word, alone and after a space, is one token; any other text is spelled
 * in shorter tokens, down to bytes. Ids: the 256 bytes, the merged tokens in order, then the special tokens
 * (`<|endoftext|>`, which ends a completion, `<|system|>`, `<|user|>`, `<|assistant|>`).
 * @throws {RangeError} for a word that the usual pre-tokenizer splits, such as "ab12"
 * @example makeTokenizer(['+', '=', ...Array.from({ length: 100 }, (_, n) => String(n))])
 */
export function makeTokenizer(words: readonly string[]): MadeTokenizer {
  const ranks = new Map<string, number>();
  const vocab = new Map(BYTES.map((char, id) => [char, id]));
  const add = (word: string): void => {
    // A new merge ranks below all others, so every word that is already one token stays one.
    for (let pieces = bpe(word, ranks); pieces.length > 1; pieces = bpe(word, ranks)) {
      const [left, right] = [at(pieces, 0), at(pieces, 1)];
      ranks.set(`${left} ${right}`, ranks.size);
      if (!vocab.has(left + right)) vocab.set(left + right, vocab.size);
    }
  };
  for (const word of words) {
    add(word);
    if (/^\S/u.test(word)) add(` ${word}`);
  }
  const size = vocab.size;
  const definition = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: SPECIALS.map((content, i) => ({
      id: size + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(vocab),
      merges: [...ranks.keys()],
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_prefix_space: false,
    clean_up_tokenization_spaces: false,
    eos_token: EOS,
    pad_token: EOS,
    chat_template: CHAT_TEMPLATE,
  };
  const check = new Tokenizer(definition, config);
  for (const word of words)
    if (check.encode(word).ids.length !== 1)
      throw new RangeError(`the pre-tokenizer splits ${JSON.stringify(word)}, so it cannot be one token`);
  return {
    files: { 'tokenizer.json': JSON.stringify(definition), 'tokenizer_config.json': JSON.stringify(config, null, 2) },
    vocabSize: size + SPECIALS.length,
  };
}

/** The pieces of one word: the merge of lowest rank first, leftmost first. */
function bpe(word: string, ranks: ReadonlyMap<string, number>): string[] {
  let pieces = Array.from(Buffer.from(word, 'utf8'), (byte) => at(BYTES, byte));
  for (;;) {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < pieces.length; i++)
      best = Math.min(best, ranks.get(`${pieces[i]} ${pieces[i + 1]}`) ?? best);
    if (best === Number.POSITIVE_INFINITY) return pieces;
    const merged: string[] = [];
    for (let i = 0; i < pieces.length; i++) {
      const pair = ranks.get(`${pieces[i]} ${pieces[i + 1]}`) === best;
      merged.push(pair ? `${pieces[i]}${pieces[i + 1]}` : at(pieces, i));
      if (pair) i++;
    }
    pieces = merged;
  }
}
