import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Tokenizer } from '@huggingface/tokenizers';
import { createBuilder } from '../../../src/engines/onnx/graph/builder.js';
import { makeTokenizer } from '../../../src/models/bpe.js';
import { seedOf } from '../../../src/support/digest.js';

export interface TinyEncoder {
  readonly folder: string;
  readonly ids: (text: string) => readonly number[];
  readonly vectorOf: (id: number) => readonly number[];
}

const size = 8;

/**
 * Writes a sentence-embedding model as an ONNX export of Hugging Face's has it: a random vector for each token, and the
 * same one for the words of a group, which mean the same.
 */
export function tinyEncoder(
  alike: readonly (readonly string[])[],
  {
    folder = mkdtempSync(join(tmpdir(), 'rlsd-encoder-')),
    file = 'onnx/model.onnx',
    output = 'last_hidden_state',
  } = {},
): TinyEncoder {
  const { files, vocabSize } = makeTokenizer(alike.flat());
  const tokenizer = new Tokenizer(JSON.parse(files['tokenizer.json']), JSON.parse(files['tokenizer_config.json']));
  const ids = (text: string) => tokenizer.encode(text).ids;
  const meaning = new Map<number, number>();
  for (const [first = '', ...others] of alike)
    for (const word of others)
      for (const space of ['', ' ']) meaning.set(ids(space + word)[0] ?? 0, ids(space + first)[0] ?? 0);
  const vectorOf = (id: number) =>
    Array.from({ length: size }, (_, d) => Number(seedOf('encoder', meaning.get(id) ?? id, d) % 2001n) / 1000 - 1);
  const builder = createBuilder();
  const table = builder.floats(Array.from({ length: vocabSize }, (_, id) => vectorOf(id)).flat(), [vocabSize, size]);
  const tokens = builder.input('input_ids', 'int64', ['batch', 'tokens']);
  const mask = builder.input('attention_mask', 'int64', ['batch', 'tokens']);
  const masked = builder.node('Mul', [tokens, mask]);
  builder.output(output, builder.node('Gather', [table, masked]), ['batch', 'tokens', size]);
  mkdirSync(join(folder, 'onnx'), { recursive: true });
  writeFileSync(join(folder, file), builder.build().model);
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  return { folder, ids, vectorOf };
}
