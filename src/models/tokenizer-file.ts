import type { UserError } from '../support/errors.js';

type Json = Readonly<Record<string, unknown>>;
type Refuse = (what: string) => UserError;

/**
 * Checks a tokenizer.json before anything is built from it: its tables are indexed by id, so one large id would take
 * all memory.
 * @throws {UserError} naming the token, its id and what is expected
 */
export function checkDefinition(definition: Json, vocabSize: number, refuse: Refuse): void {
  const { model, added_tokens: added = [] } = definition;
  if (!isJson(model)) throw refuse(`model is ${JSON.stringify(model) ?? 'missing'}, expected an object`);
  if (!Array.isArray(added)) throw refuse('added_tokens is not a list');
  const names = new Map<number, string>();
  const vocabulary = vocabularyOf(model, refuse);
  for (const [token, id] of vocabulary) addToken(names, token, id, 'model.vocab', refuse);
  for (const token of added) {
    if (!isJson(token) || typeof token.content !== 'string' || token.content === '')
      throw refuse(`added_tokens: found ${JSON.stringify(token)}, expected an object with content and id`);
    addToken(names, token.content, token.id, 'added_tokens', refuse);
  }
  let highest = -1;
  for (const id of names.keys()) highest = Math.max(highest, id);
  if (highest >= vocabSize)
    throw refuse(
      `the tokenizer has ids up to ${highest}, but the model's vocabulary ends at ${vocabSize - 1}: ` +
        `${JSON.stringify(names.get(highest))} has id ${highest}; is it the tokenizer of another model?`,
    );
  checkMerges(model, new Set(vocabulary.keys()), refuse);
}

/** Words as GPT-2 splits them, which `ByteLevel` does where it is told to. */
const GPT2_WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/**
 * A checked tokenizer.json as the reference implementation reads it, where the library here differs: `Digits` splits at
 * every number of Unicode, such as ½ or Ⅷ, and the words of `ByteLevel` end at the white space of Unicode.
 */
export function asReference(definition: Json): Json {
  const split = (pattern: string) => ({
    type: 'Split',
    pattern: { Regex: pattern },
    behavior: 'Isolated',
    invert: false,
  });
  const read = (part: unknown): readonly unknown[] => {
    if (!isJson(part)) return [part];
    if (part.type === 'Sequence' && Array.isArray(part.pretokenizers))
      return [{ ...part, pretokenizers: part.pretokenizers.flatMap(read) }];
    if (part.type === 'Digits') return [split(part.individual_digits === true ? '\\p{N}' : '\\p{N}+')];
    const splitsWords = part.type === 'ByteLevel' && part.use_regex !== false && part.add_prefix_space === false;
    return splitsWords ? [split(GPT2_WORDS), { ...part, use_regex: false }] : [part];
  };
  const parts = read(definition.pre_tokenizer);
  return { ...definition, pre_tokenizer: parts.length === 1 ? parts[0] : { type: 'Sequence', pretokenizers: parts } };
}

function addToken(names: Map<number, string>, token: string, id: unknown, where: string, refuse: Refuse): void {
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0)
    throw refuse(
      `${where}: ${JSON.stringify(token)} has ${id === undefined ? 'no id' : `id ${JSON.stringify(id)}`}, expected an ` +
        'integer from 0',
    );
  const other = names.get(id);
  if (other !== undefined && other !== token)
    throw refuse(`${where}: ${JSON.stringify(token)} has id ${id}, which is that of ${JSON.stringify(other)}`);
  names.set(id, token);
}

/** Ids by token: of a table, or of a list of tokens with their scores, whose places are the ids. */
function vocabularyOf({ vocab }: Json, refuse: Refuse): ReadonlyMap<string, unknown> {
  if (isJson(vocab)) return new Map(Object.entries(vocab));
  if (!Array.isArray(vocab)) throw refuse('model.vocab is missing, expected an object from token to id');
  return new Map(vocab.map((entry, id) => [Array.isArray(entry) ? String(entry[0]) : String(entry), id]));
}

function checkMerges({ type, merges }: Json, vocabulary: ReadonlySet<string>, refuse: Refuse): void {
  if (merges === undefined || merges === null) {
    if (type === 'BPE') throw refuse('model.merges is missing, expected a list of pairs of tokens');
    return;
  }
  if (!Array.isArray(merges)) throw refuse('model.merges is not a list');
  for (const [i, merge] of merges.entries()) {
    const parts: unknown[] = typeof merge === 'string' ? merge.split(' ') : Array.isArray(merge) ? merge : [];
    if (parts.length !== 2) throw refuse(`model.merges[${i}]: found ${JSON.stringify(merge)}, expected two tokens`);
    for (const part of parts)
      if (typeof part !== 'string' || !vocabulary.has(part))
        throw refuse(`model.merges[${i}]: ${JSON.stringify(part)} is not in model.vocab`);
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
