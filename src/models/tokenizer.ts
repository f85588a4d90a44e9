import { join } from 'node:path';
import { Tokenizer as Encoder } from '@huggingface/tokenizers';
import { UserError } from '../support/errors.js';
import { readJson, readOptionalJson } from './json-file.js';
import { asReference, checkDefinition } from './tokenizer-file.js';

export interface Tokenizer {
  /** Ids of the text as it is: special tokens written in it count as such, and none is added. */
  encode(text: string): Int32Array;
  /** Ids of the text as plain text: what looks like a special or other added token is spelled in ordinary tokens. */
  encodePlain(text: string): Int32Array;
  /** Tokens that are found in a text before it is split into words. */
  readonly addedTokens: readonly { readonly content: string; readonly special: boolean; readonly id: number }[];
  /** Text of the ids. Ids without a token, as in a padded vocabulary, are skipped. */
  decode(tokens: Int32Array, options?: { readonly skipSpecial?: boolean }): string;
  /** How many tokens it has; the model's vocabulary may be padded beyond. */
  readonly size: number;
  /** Any of these ends a completion. */
  readonly eosIds: readonly number[];
  /** Tokens that chat templates may name, such as bos_token and eos_token. */
  readonly specials: Readonly<Record<string, string>>;
}

/**
 * The tokenizer of a Hugging Face folder, from tokenizer.json and tokenizer_config.json.
 * @throws {UserError} `bad-tokenizer` where it does not fit the model's vocabulary or names no end token
 */
export function readTokenizer(folder: string, vocabSize: number): Tokenizer {
  const file = join(folder, 'tokenizer.json');
  const written = readJson(file);
  const config = readOptionalJson(join(folder, 'tokenizer_config.json'));
  checkDefinition(written, vocabSize, (what) => bad(file, what));
  const definition = asReference(written);
  const build = (json: Readonly<Record<string, unknown>>): Encoder => {
    try {
      return new Encoder(json, config);
    } catch (error) {
      throw bad(file, buildProblem(error));
    }
  };
  const encoder = build(definition);
  let plain: Encoder | undefined;

  const specials = namedTokens(config);
  const addedTokens = [...encoder.get_added_tokens_decoder()].map(([id, { content, special }]) => ({
    id,
    content,
    special,
  }));
  const special = new Set(addedTokens.filter((token) => token.special).map(({ id }) => id));

  return {
    encode: (text) => idsOf(encoder, text),
    encodePlain(text) {
      // The second encoder takes memory of its own; few texts need it.
      if (!addedTokens.some(({ content }) => text.includes(content))) return idsOf(encoder, text);
      plain ??= build({ ...definition, added_tokens: [] });
      return idsOf(plain, text);
    },
    addedTokens,
    decode(tokens, { skipSpecial = true } = {}) {
      const known = Array.from(tokens).filter(
        (id) => encoder.id_to_token(id) !== undefined && !(skipSpecial && special.has(id)),
      );
      // Cleaning up would change the text that was sampled.
      return known.length === 0 ? '' : encoder.decode(known, { clean_up_tokenization_spaces: false });
    },
    size: idCount(definition, addedTokens),
    eosIds: endIds(folder, encoder, vocabSize, specials.eos_token),
    specials,
  };
}

function idCount({ model }: Readonly<Record<string, unknown>>, added: Tokenizer['addedTokens']): number {
  const { vocab } = model as { readonly vocab: object };
  const ids: readonly number[] = Array.isArray(vocab) ? [...vocab.keys()] : Object.values(vocab);
  return new Set([...ids, ...added.map(({ id }) => id)]).size;
}

const idsOf = (encoder: Encoder, text: string): Int32Array =>
  text === '' ? new Int32Array() : Int32Array.from(encoder.encode(text, { add_special_tokens: false }).ids);

/** Special tokens by their names in tokenizer_config.json, where a token is a string or an object with its content. */
function namedTokens(config: Readonly<Record<string, unknown>>): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const [name, value] of Object.entries(config)) {
    if (!name.endsWith('_token')) continue;
    const content = typeof value === 'object' && value !== null ? (value as { content?: unknown }).content : value;
    if (typeof content === 'string') tokens[name] = content;
  }
  return tokens;
}

function endIds(folder: string, encoder: Encoder, vocabSize: number, eosToken: string | undefined): number[] {
  const ids = new Set<number>();
  for (const name of ['generation_config.json', 'config.json']) {
    const file = join(folder, name);
    const value = readOptionalJson(file).eos_token_id;
    for (const id of value === undefined || value === null ? [] : [value].flat()) {
      if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= vocabSize)
        throw bad(file, `eos_token_id is ${JSON.stringify(id)}, expected an id below ${vocabSize}`);
      if (encoder.id_to_token(id) === undefined)
        throw bad(file, `eos_token_id is ${id}, which the tokenizer in the same folder does not have`);
      ids.add(id);
    }
  }
  if (eosToken !== undefined) {
    const id = encoder.token_to_id(eosToken);
    if (id === undefined)
      throw bad(join(folder, 'tokenizer_config.json'), `eos_token is ${eosToken}, which tokenizer.json does not have`);
    ids.add(id);
  }
  if (ids.size === 0)
    throw bad(
      folder,
      'no end token: expected eos_token_id in generation_config.json or config.json, or eos_token in ' +
        'tokenizer_config.json',
    );
  return [...ids].sort((a, b) => a - b);
}

/** What keeps a definition from being built. Its parts are read without a check of their fields. */
function buildProblem(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const untyped = /^Unknown (\w+) type: undefined$/.exec(message)?.[1];
  if (untyped !== undefined) return `a ${untyped} has no type, expected one that Hugging Face tokenizers has`;
  if (!(error instanceof TypeError) && !message.includes('undefined')) return message;
  return (
    'normalizer, pre_tokenizer, model, post_processor or decoder lacks a field, or has one of another form; expected ' +
    'a file that Hugging Face tokenizers wrote'
  );
}

const bad = (where: string, what: string): UserError => new UserError('bad-tokenizer', `${where}: ${what}`);
